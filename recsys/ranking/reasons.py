"""One honest sentence per listed item: the source that contributed most to its score."""

from collections.abc import Collection, Mapping
from typing import Final

from recsys.history import History
from recsys.query import Reason
from recsys.ranking.blend_kernel import NOBODY, strongest
from recsys.ranking.order import Ranking
from recsys.retrieval.source import Codes, Scores, Values
from recsys.types import EVENT_CODES, EventType

__all__ = ["reasons"]

_PURCHASE: Final = EVENT_CODES[EventType.PURCHASE]
_TASTE: Final = Reason("taste")
_SEGMENT: Final = Reason("segment")
_WANTED: Final = Reason("trending")
_WITHOUT_SEEDS: Final = frozenset(("own", "taste", "trending"))
"""Sources that need no item of the shopper to speak for theirs."""


def reasons(
    shown: Ranking,
    weights: Values,
    scores: Mapping[str, Scores],
    history: History,
    *,
    from_attributes: bool,
) -> tuple[Reason, ...]:
    """A reason per shown item; `weights: float32[sources]` is what a source counts in the blend."""
    names, items = shown.said.names, shown.codes.tolist()
    winners = strongest(shown.said.values, weights, shown.rows).tolist()
    won = {names[winner] for winner in set(winners) if winner != NOBODY}
    seeds = _seeds(shown.codes, won, scores)
    bought = set(history.items[history.types == _PURCHASE].tolist()) if "own" in won else ()
    by_taste = _SEGMENT if from_attributes else _TASTE
    found = []
    for place, winner in enumerate(winners):
        name, item = names[winner] if winner != NOBODY else "trending", items[place]
        if name == "own":
            found.append(Reason("bought_before" if item in bought else "viewed_before", item))
        elif name == "taste":
            found.append(by_taste)
        else:
            found.append(Reason(name, seeds[name][place]) if name in seeds else _WANTED)
    return tuple(found)


def _seeds(items: Codes, won: Collection[str], scores: Mapping[str, Scores]) -> dict[str, list[int]]:
    """The shopper's item that speaks most for each, by source; only those that won an item are asked."""
    return {name: scores[name].because(items).tolist() for name in won if name not in _WITHOUT_SEEDS}
