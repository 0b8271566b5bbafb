"""One honest sentence per listed item: the source that contributed most to its score."""

from collections.abc import Mapping

import numpy as np

from recsys.history import History
from recsys.query import Reason
from recsys.retrieval.source import Codes, Scores, Values
from recsys.types import EVENT_CODES, EventType

__all__ = ["reasons"]


def reasons(
    items: Codes,
    contributions: Mapping[str, Values],
    scores: Mapping[str, Scores],
    history: History,
    *,
    from_attributes: bool,
) -> tuple[Reason, ...]:
    """A reason per item; `contributions[name]` is what each source added to each item's score, float32[k]."""
    if not len(items):
        return ()
    names = list(contributions)
    strengths = np.stack([contributions[name] for name in names])
    strongest = np.argmax(strengths, axis=0)
    because = {name: scores[name].because(items) for name in names}
    bought = set(history.items[history.types == EVENT_CODES[EventType.PURCHASE]].tolist())
    return tuple(
        _reason(
            names[winner] if strength > 0 else "trending",
            int(item),
            int(because[names[winner]][place]),
            item in bought,
            from_attributes,
        )
        for place, (item, winner, strength) in enumerate(
            zip(items.tolist(), strongest.tolist(), strengths.max(axis=0).tolist(), strict=True)
        )
    )


def _reason(name: str, item: int, because: int, bought: bool, from_attributes: bool) -> Reason:
    if name == "own":
        return Reason("bought_before" if bought else "viewed_before", item)
    if name == "taste":
        return Reason("segment" if from_attributes else "taste")
    return Reason(name, because)
