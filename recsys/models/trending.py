"""What many shoppers want now: decayed counts of distinct shoppers, overall and per category.

A shopper counts once per item, by the strongest decayed event: thirty clicks of one visitor, or of one fake buyer, are
one. A day far busier than usual weighs no more than a busy day: a campaign is no trend of the days after it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.arrays import load_array, save_arrays
from recsys.catalogue import Catalogue
from recsys.interactions import Interactions
from recsys.weights import DAY_MS, Behaviour, busy_share

__all__ = ["Trending", "TrendingConfig"]

_HEAD: Final = 200
"""Items kept per category."""
_BUSY_DAY: Final = 3.0
"""Times the events of the median day that one day may weigh, behaviour by behaviour."""


class TrendingConfig(BaseModel):
    """How fast a trend fades."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    half_life_days: float = Field(default=14.0, gt=0)
    """Days after which a shopper's interest counts half."""


@dataclass(frozen=True)
class Trending:
    """`scores: float32[n]` in [0, 1] and all items in order, plus the head of every category as CSR by category."""

    scores: npt.NDArray[np.float32]
    order: npt.NDArray[np.int32]
    category_indptr: npt.NDArray[np.int64]
    category_items: npt.NDArray[np.int32]

    @classmethod
    def fit(
        cls, interactions: Interactions, catalogue: Catalogue, behaviour: Behaviour, config: TrendingConfig
    ) -> Self:
        """Score the catalogue; items without events come last, newest first."""
        ages = (interactions.end - interactions.time) / (config.half_life_days * DAY_MS)
        values = (behaviour.table()[interactions.type] * np.exp2(-ages)).astype(np.float32)
        scores = _distinct_shoppers(interactions, values)
        scores /= max(float(scores.max(initial=0.0)), 1e-12)
        order = np.lexsort((np.arange(len(scores)), -catalogue.created_at, -scores)).astype(np.int32)
        return cls(scores, order, *_category_heads(catalogue, order))

    def save(self, folder: Path) -> None:
        """Write the four arrays."""
        save_arrays(
            folder,
            scores=self.scores,
            order=self.order,
            category_indptr=self.category_indptr,
            category_items=self.category_items,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        names = ("scores", "order", "category_indptr", "category_items")
        return cls(*(load_array(folder, name) for name in names))

    def head(self, category: int) -> npt.NDArray[np.int32]:
        """The best items under a category code (itself and everything below), best first."""
        if not 0 <= category < len(self.category_indptr) - 1:
            return self.category_items[:0]
        return self.category_items[self.category_indptr[category] : self.category_indptr[category + 1]]


def _distinct_shoppers(
    interactions: Interactions, values: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Sum over shoppers of their strongest decayed event, float32[items]; nothing where the net is not positive."""
    positive = values > 0
    net = interactions.user_items(values)
    net.eliminate_zeros()
    best = interactions.where(positive)
    worth = values[positive] * _day_shares(best)
    pairs = best.user.astype(np.int64) * len(interactions.items) + best.item
    order = np.lexsort((worth, pairs))
    last = np.ones(len(order), bool)
    last[:-1] = pairs[order][1:] != pairs[order][:-1]
    strongest = order[last]
    kept = np.asarray(net[best.user[strongest], best.item[strongest]]).ravel() > 0
    chosen = strongest[kept]
    counts = np.bincount(best.item[chosen], weights=worth[chosen], minlength=len(interactions.items))
    return counts.astype(np.float32)


def _day_shares(rows: Interactions) -> npt.NDArray[np.float32]:
    """What each row counts where its day has far more of its behaviour than other days."""
    shares = np.ones(len(rows), np.float32)
    for kind in np.unique(rows.type):
        same = rows.type == kind
        shares[same] = busy_share(rows.time[same] // DAY_MS, _BUSY_DAY)
    return shares


def _category_heads(
    catalogue: Catalogue, order: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """CSR over categories of their best `_HEAD` items, ancestors included."""
    ancestors = catalogue.categories.ancestors
    own = catalogue.category[order]
    placed = own >= 0
    rows = ancestors[own[placed]]
    categories = rows.ravel()
    items = np.repeat(order[placed], ancestors.shape[1])
    items, categories = items[categories >= 0], categories[categories >= 0]
    by_category = np.argsort(categories, kind="stable")
    items, categories = items[by_category], categories[by_category]
    starts = np.searchsorted(categories, np.arange(len(catalogue.categories) + 1))
    head = np.arange(len(items)) - starts[categories] < _HEAD
    counts = np.bincount(categories[head], minlength=len(catalogue.categories))
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), items[head].astype(np.int32)
