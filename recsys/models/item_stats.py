"""What is known of each item before anybody asks: how wanted it is lately, and how often it is bought.

Shoppers are counted, not events, so that one busy visitor or fake buyer is one; times are measured back from the
newest event of the log. Columns are ranker features, named once here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, POSITIVE_TYPES, EventType
from recsys.weights import DAY_MS

__all__ = ["ITEM_COLUMNS", "ItemStats"]

Values = npt.NDArray[np.float32]

ITEM_COLUMNS: Final = ("item_trend_7d", "item_trend_30d", "item_conversion")
"""Order of the columns; see `ItemStats.fit`."""
_HALF_LIVES: Final = (7.0, 30.0)
_DOUBT: Final = 5.0
"""Shoppers' worth of the shop's mean in every share."""


@dataclass(frozen=True)
class ItemStats:
    """`table: float32[n, columns]`, finite."""

    table: Values

    @classmethod
    def fit(cls, interactions: Interactions) -> Self:
        """Count a log: trends are log(1 + shoppers), each worth half after 7 and 30 days without the item; conversion
        is the share of an item's shoppers who bought it, shrunk towards the shop's.
        """
        positive = interactions.of_types(POSITIVE_TYPES)
        pairs = _Pairs.of(positive)
        ages = (positive.end - pairs.last) / DAY_MS
        trends = [np.log1p(pairs.count(np.exp2(-ages / days))) for days in _HALF_LIVES]
        bought = _Pairs.of(positive.where(positive.type == EVENT_CODES[EventType.PURCHASE]))
        conversion = _share(bought.shoppers(), pairs.shoppers())
        return cls(np.ascontiguousarray(np.stack((*trends, conversion), axis=1), dtype=np.float32))

    def save(self, folder: Path) -> None:
        """Write the table."""
        save_arrays(folder, table=self.table)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(load_array(folder, "table"))


@dataclass(frozen=True)
class _Pairs:
    """Distinct (shopper, item) pairs with the time of the last event."""

    item: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    items: int

    @classmethod
    def of(cls, rows: Interactions) -> Self:
        items = len(rows.items)
        keys = rows.user.astype(np.int64) * items + rows.item
        order = np.lexsort((rows.time, keys))
        keys, times = keys[order], rows.time[order]
        closes = np.ones(len(keys), bool)
        closes[:-1] = keys[1:] != keys[:-1]
        return cls(keys[closes] % items, times[closes], items)

    def count(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sum one weight per pair by item, float64[n]."""
        return np.bincount(self.item, weights=weights, minlength=self.items).astype(np.float64)

    def shoppers(self) -> npt.NDArray[np.float64]:
        """Distinct shoppers by item, float64[n]."""
        return self.count(np.ones(len(self.item)))


def _share(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mean = part.sum() / max(whole.sum(), 1.0)
    shares: npt.NDArray[np.float64] = (part + _DOUBT * mean) / (whole + _DOUBT)
    return shares
