"""Numbers of an item's face offer over time: plain columns plus the spans in which promotions change them.

Invariants: `base` holds what applies outside all promotions; spans of one item never overlap, and inside a
span its values replace the base ones. So the values at any moment are one comparison and one scatter, exact
also for items with several offers, whose cheapest offer may change when a promotion starts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.offers import effective_price, face_offer
from recsys.types import Item, Offer

__all__ = ["NUMBERS", "Face", "Spans", "face_base", "face_spans"]

NUMBERS: Final = ("price", "list_price", "cost", "stock")
_ALWAYS: Final = np.iinfo(np.int64)

Face = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spans:
    """Promotions of all items: int32[s] item codes, ascending, int64[s] start and end (ms), float64[s, 4] NUMBERS."""

    items: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    @classmethod
    def build(cls, items: Iterable[tuple[int, Item]]) -> Self:
        """The spans of the given (code, item) pairs, in order of the codes."""
        rows = [(code, start, end, face) for code, item in items for start, end, face in face_spans(item)]
        return cls(
            items=np.array([row[0] for row in rows], dtype=np.int32),
            start=np.array([row[1] for row in rows], dtype=np.int64),
            end=np.array([row[2] for row in rows], dtype=np.int64),
            values=np.array([row[3] for row in rows], dtype=np.float64).reshape(-1, len(NUMBERS)),
        )

    @cached_property
    def _turns(self) -> npt.NDArray[np.int64]:
        return np.unique(np.concatenate([self.start, self.end]))

    def period(self, as_of: int) -> int:
        """The number of the stretch of time around a moment in which no promotion starts or ends."""
        return int(np.searchsorted(self._turns, as_of, side="right"))

    def at(self, base: npt.NDArray[np.float64], name: str, as_of: int) -> npt.NDArray[np.float64]:
        """float64[n] values of one of NUMBERS at a moment; `base` itself when no promotion changes it."""
        active = (self.start <= as_of) & (as_of < self.end)
        items, changed = self.items[active], self.values[active, NUMBERS.index(name)]
        if np.array_equal(base[items], changed, equal_nan=True):
            return base
        values = base.copy()
        values[items] = changed
        return values

    def with_item(self, code: int, item: Item | None) -> "Spans":
        """These spans with one item's replaced (None: removed)."""
        added = Spans.build([] if item is None else [(code, item)])
        # A code of the column's own type: any other has the whole column converted.
        first, end = (int(np.searchsorted(self.items, np.int32(code), side)) for side in ("left", "right"))
        if first == end and not added.items.size:
            return self
        before, after = slice(0, first), slice(end, None)
        spans = Spans(
            items=np.concatenate((self.items[before], added.items, self.items[after])),
            start=np.concatenate((self.start[before], added.start, self.start[after])),
            end=np.concatenate((self.end[before], added.end, self.end[after])),
            values=np.concatenate((self.values[before], added.values, self.values[after])),
        )
        same_times = np.array_equal(self.start[first:end], added.start) and np.array_equal(
            self.end[first:end], added.end
        )
        if same_times and "_turns" in self.__dict__:
            # Other prices in a promotion that lasts as long as before: the usual change.
            spans.__dict__["_turns"] = self._turns
        return spans

    def save(self, folder: Path) -> None:
        """Write the four arrays."""
        save_arrays(folder, items=self.items, start=self.start, end=self.end, values=self.values)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        columns = [load_array(folder, name) for name in ("items", "start", "end", "values")]
        if (np.diff(columns[0]) < 0).any():
            order = np.argsort(columns[0], kind="stable")
            columns = [column[order] for column in columns]
        return cls(*columns)


def face_base(item: Item) -> Face:
    """NUMBERS of an item while no promotion is on; nan where unknown."""
    if not any(offer.promo for offer in item.offers):
        return _face(item, 0)
    return _face(replace(item, offers=tuple(replace(offer, promo=None) for offer in item.offers)), 0)


def face_spans(item: Item) -> list[tuple[int, int, Face]]:
    """(start, end, NUMBERS) wherever promotions make an item differ from its base."""
    edges = _edges(item.offers)
    base = face_base(item) if edges else ()
    spans = ((start, end, _face(item, start)) for start, end in pairwise(edges))
    return [span for span in spans if not np.array_equal(span[2], base, equal_nan=True)]


def _edges(offers: Sequence[Offer]) -> list[int]:
    promos = [offer.promo for offer in offers if offer.promo is not None]
    starts = {_ALWAYS.min if promo.start is None else promo.start for promo in promos}
    ends = {_ALWAYS.max if promo.end is None else promo.end for promo in promos}
    return sorted(starts | ends)


def _face(item: Item, at: int) -> Face:
    offer = face_offer(item, at)
    if offer is None:
        return (np.nan,) * 4
    price = effective_price(offer, at)
    return _number(price), _number(offer.list_price), _number(offer.cost), _number(offer.stock)


def _number(value: float | None) -> float:
    return np.nan if value is None or not math.isfinite(value) else float(value)
