"""How often a bought item is bought again by the same shopper, and after how many days.

What an item's own shoppers do counts as far as there are enough of them, then its category, then the one above, then
the whole shop. A shopper has one vote per item, purchases of one day are one, a purchase that came back is none, and
no day counts more than `busy_day` ordinary ones: neither a campaign nor an eager buyer sets a cycle.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.arrays import load_array, save_arrays
from recsys.catalogue import Catalogue
from recsys.interactions import Interactions
from recsys.standing import standing_purchases
from recsys.weights import DAY_MS

__all__ = ["Repeats", "RepeatsConfig"]

Keys = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]


class RepeatsConfig(BaseModel):
    """What counts as bought again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    horizon_days: float = Field(default=90.0, gt=0)
    """Again means within so many days; half the log where it is shorter than twice that."""
    shrinkage: float = Field(default=20.0, gt=0)
    """Shoppers of its own at which an item counts as much as its category does."""
    busy_day: float = Field(default=2.0, ge=1)
    """Ordinary days that one day may count at most."""


@dataclass(frozen=True)
class Repeats:
    """Two columns by item code, float32[n], without nan."""

    rate: Values
    """Probability that who bought the item buys it again within the horizon."""
    cycle_days: Values
    """Typical days between two purchases of the item by one shopper; 0 while nothing was ever bought twice."""

    @classmethod
    def fit(cls, interactions: Interactions, catalogue: Catalogue, config: RepeatsConfig) -> Self:
        """Learn from purchases; `catalogue` has the items of `interactions` under the same codes."""
        bought = _Purchases.of(interactions, config)
        levels = _levels(catalogue)
        return cls(_rates(bought, levels, config), _cycles(bought, levels, config))

    def save(self, folder: Path) -> None:
        """Write both columns."""
        save_arrays(folder, rate=self.rate, cycle_days=self.cycle_days)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(load_array(folder, "rate"), load_array(folder, "cycle_days"))


@dataclass(frozen=True)
class _Purchases:
    """Distinct (shopper, item, day) of standing purchases, sorted."""

    pair: Keys
    """Shopper × items + item."""
    item: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    weight: Numbers
    """1, less on days that were busier than any ordinary one."""
    horizon: float
    """Days within which a purchase counts as again."""
    end: int
    """The log's last day."""

    @classmethod
    def of(cls, interactions: Interactions, config: RepeatsConfig) -> "_Purchases":
        items = len(interactions.items)
        keys = interactions.user.astype(np.int64) * items + interactions.item
        kept = standing_purchases(keys, interactions.type)
        pair, day = keys[kept], interactions.time[kept] // DAY_MS
        order = np.argsort(pair, kind="stable")
        pair, day = pair[order], day[order]
        new = np.ones(len(pair), bool)
        new[1:] = (pair[1:] != pair[:-1]) | (day[1:] != day[:-1])
        pair, day = pair[new], day[new]
        end = interactions.end // DAY_MS
        span = end - int(day.min(initial=end))
        horizon = min(config.horizon_days, span / 2)
        return cls(pair, pair % max(items, 1), day, _day_weights(day, config), horizon, end)


def _day_weights(day: npt.NDArray[np.int64], config: RepeatsConfig) -> Numbers:
    if not len(day):
        return np.empty(0)
    _, place, counts = np.unique(day, return_inverse=True, return_counts=True)
    most = config.busy_day * float(np.median(counts))
    weights: Numbers = np.minimum(1.0, most / counts)[place]
    return weights


def _levels(catalogue: Catalogue) -> list[npt.NDArray[np.int64]]:
    """From wide to narrow, a group code for each item: the shop, each level of its category path, the item itself.

    An item whose path is shorter keeps the group of the level above: -1 says that it has none of its own.
    """
    size = len(catalogue)
    ancestors, own = catalogue.categories.ancestors, catalogue.category
    paths = [np.where(own >= 0, level[own], -1).astype(np.int64) for level in ancestors.T if len(level)]
    return [np.zeros(size, np.int64), *paths, np.arange(size, dtype=np.int64)]


def _rates(bought: _Purchases, levels: list[npt.NDArray[np.int64]], config: RepeatsConfig) -> Values:
    """Shoppers who came back for the item, of those whose first purchase is old enough to tell."""
    first = np.ones(len(bought.pair), bool)
    first[1:] = bought.pair[1:] != bought.pair[:-1]
    told = np.flatnonzero(first & (bought.day + bought.horizon <= bought.end))
    following = np.minimum(told + 1, len(first) - 1)
    again = ~first[following] & (bought.day[following] - bought.day[told] <= bought.horizon)
    item, weight = bought.item[told], bought.weight[told]
    came_back = weight * bought.weight[following] * again
    rate = np.zeros(len(levels[0]))
    for level in levels:
        groups = level[item]
        size = 1 + int(level.max(initial=0))
        inside = groups >= 0
        asked = np.bincount(groups[inside], weights=weight[inside], minlength=size)
        came = np.bincount(groups[inside], weights=came_back[inside], minlength=size)
        shrunk = (came[level] + config.shrinkage * rate) / (asked[level] + config.shrinkage)
        rate = np.where(level >= 0, shrunk, rate)
    return rate.astype(np.float32)


def _cycles(bought: _Purchases, levels: list[npt.NDArray[np.int64]], config: RepeatsConfig) -> Values:
    """Median gap, one vote per shopper and item; averaged with the level above as logarithms."""
    same = bought.pair[1:] == bought.pair[:-1]
    gap = np.log(np.diff(bought.day)[same].astype(np.float64))
    pair, item = bought.pair[1:][same], bought.item[1:][same]
    _, place, votes = np.unique(pair, return_inverse=True, return_counts=True)
    weight = np.minimum(bought.weight[1:], bought.weight[:-1])[same] / votes[place]
    by_gap = np.argsort(gap, kind="stable")
    gap, item, weight = gap[by_gap], item[by_gap], weight[by_gap]
    cycle = np.zeros(len(levels[0]))
    for number, level in enumerate(levels):
        median, total = _medians(level[item], gap, weight, 1 + int(level.max(initial=0)))
        strength = config.shrinkage if number else 0.0
        own = np.where(level >= 0, total[level], 0.0)
        mixed = (own * median[level] + strength * cycle) / np.maximum(own + strength, 1e-12)
        cycle = np.where(own > 0, mixed, cycle)
    known = len(gap) > 0
    return (np.exp(cycle) * known).astype(np.float32)


def _medians(
    groups: npt.NDArray[np.int64], values: Numbers, weights: Numbers, size: int
) -> tuple[Numbers, Numbers]:
    """Weighted median and total weight of each group, float64[size]; `values` ascend, group -1 is left out."""
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    group, value, weight = groups[order], values[order], weights[order]
    total: Numbers = np.bincount(group, weights=weight, minlength=size).astype(np.float64)
    before = np.cumsum(total) - total
    reached = np.cumsum(weight)
    # The first row of each group at which half of its weight is reached; rounding must not leave the group.
    half = np.searchsorted(reached, before + total * (0.5 - 1e-9))
    last = np.searchsorted(group, np.arange(size), side="right") - 1
    median: Numbers = np.zeros(size)
    filled = total > 0
    median[filled] = value[np.minimum(half, last)[filled]]
    return median, total
