"""A shopper's past as a model sees it: item codes, event codes and times, oldest first, bounded."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

__all__ = ["EMPTY_HISTORY", "History"]


@dataclass(frozen=True)
class History:
    """Aligned columns, ascending in time; items the release does not know are left out."""

    items: npt.NDArray[np.int32]
    types: npt.NDArray[np.int8]
    times: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def by_item(self) -> npt.NDArray[np.int64]:
        """The rows ordered by item, those of one item by time: what is counted per item reads them."""
        return np.argsort(self.items, kind="stable")

    def of_types(self, types: Collection[EventType]) -> "History":
        """The events whose type is one of `types`, in the same order."""
        kept = np.isin(self.types, [EVENT_CODES[kind] for kind in types])
        return History(self.items[kept], self.types[kept], self.times[kept])

    @classmethod
    def of(
        cls, events: Iterable[tuple[str, int, int]], vocabulary: Vocabulary, as_of: int, limit: int
    ) -> Self:
        """Encode `(item_id, type code, time in ms)` rows: nothing after `as_of`, the newest `limit` kept.

        Rows of one time keep the order they came in. The limit counts rows before unknown items are dropped,
        so that a stored and a given history of one shopper are cut at the same event.
        """
        rows = [row for row in events if row[2] <= as_of]
        rows.sort(key=_TIME)
        rows = rows[-limit:]
        if not rows:
            return cls(_NO_ITEMS, _NO_TYPES, _NO_TIMES)
        ids, types, times = zip(*rows, strict=True)
        items = vocabulary.encode(ids)
        known = items >= 0
        return cls(items[known], np.array(types, np.int8)[known], np.array(times, np.int64)[known])


_TIME: Final = itemgetter(2)
_NO_ITEMS = np.empty(0, np.int32)
_NO_TYPES = np.empty(0, np.int8)
_NO_TIMES = np.empty(0, np.int64)
EMPTY_HISTORY = History(_NO_ITEMS, _NO_TYPES, _NO_TIMES)
