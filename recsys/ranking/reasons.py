"""One honest sentence per listed item: the source that contributed most to its score."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recsys.history import History
from recsys.query import Reason
from recsys.ranking.order import Ranking
from recsys.retrieval.source import Codes, Scores
from recsys.types import EVENT_CODES, EventType

__all__ = ["reasons"]

_PURCHASE: Final = EVENT_CODES[EventType.PURCHASE]
_FOR_THEMSELVES: Final = ("own", "taste")
"""Sources that need no item of the shopper to speak for theirs."""


def reasons(
    shown: Ranking,
    weights: Mapping[str, float],
    scores: Mapping[str, Scores],
    history: History,
    *,
    from_attributes: bool,
) -> tuple[Reason, ...]:
    """A reason per shown item; `weights[source]` is what a source counts in the blend."""
    if not len(shown):
        return ()
    names = list(shown.features)
    added = np.empty((len(names), len(shown)), np.float32)
    for row, values in enumerate(shown.features.values()):
        added[row] = values
    added *= np.array([weights.get(name, 0.0) for name in names], np.float32)[:, None]
    strongest = [names[winner] for winner in added.argmax(axis=0).tolist()]
    spoke = (added.max(axis=0) > 0).tolist()
    because = _because(shown.codes, strongest, spoke, scores)
    bought = set(history.items[history.types == _PURCHASE].tolist()) if "own" in strongest else set()
    by_taste = Reason("segment" if from_attributes else "taste")
    found = []
    for place, item in enumerate(shown.codes.tolist()):
        name = strongest[place] if spoke[place] else "trending"
        if name == "own":
            found.append(Reason("bought_before" if item in bought else "viewed_before", item))
        else:
            found.append(by_taste if name == "taste" else Reason(name, because[place]))
    return tuple(found)


def _because(
    items: Codes, strongest: Sequence[str], spoke: Sequence[bool], scores: Mapping[str, Scores]
) -> list[int]:
    """The shopper's item that speaks most for each; each source is asked for those that it won, -1 elsewhere."""
    asked: dict[str, list[int]] = {}
    for place, name in enumerate(strongest):
        if name not in _FOR_THEMSELVES or not spoke[place]:
            asked.setdefault(name, []).append(place)
    found = [-1] * len(items)
    for name, places in asked.items():
        for place, seed in zip(places, scores[name].because(items[places]).tolist(), strict=True):
            found[place] = seed
    return found
