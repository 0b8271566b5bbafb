"""Linked items: where a random walk item → shopper → item → ends, with popular ends held back.

Weight of the way from i to j = sum over shoppers u of P(u | i) · P(j | u) / popularity(j)^β, where P shares a value
out in proportion: shoppers of many items say little about each, and β decides between the popular and the particular.
Paudel, Christoffel, Newell, Bernstein, "Updatable, accurate, diverse, and scalable recommendations for interactive
applications" (RP3beta), ACM TiiS 7(1), 2017, section 3. The whole history counts, where co-visitation sees sessions.

Invariants: no shopper is kept; rows are walked one at a time over one dense row of memory, so memory is lists plus
log, and time is bounded by `most_steps` whatever the log; the same values give the same lists.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.models.neighbour_lists import NeighbourLists, best_of_rows

__all__ = ["Linked", "LinkedConfig"]

_BUSY_SHOPPER: Final = 2.0
_BUSY_QUANTILE: Final = 0.99
"""A shopper weighs at most so many times what the shopper at this quantile weighs."""


class LinkedConfig(BaseModel):
    """Parameters of the walk."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    neighbours: int = Field(default=100, ge=1, le=1000)
    """Kept per item."""
    popularity: float = Field(default=0.3, ge=0, le=1)
    """β: how much popular ends are held back; 0 = not at all."""
    most_steps: int = Field(default=300_000_000, ge=1)
    """Bound on the walks followed (sum over shoppers of items²); beyond it the busiest shoppers' strongest items
    are kept, and no others."""


@dataclass(frozen=True)
class Linked(NeighbourLists):
    """Neighbour lists: from an item to where its shoppers' other interest went."""

    @classmethod
    def fit(cls, values: sparse.csr_matrix, config: LinkedConfig) -> Self:
        """Learn from `values` (users × items, not negative); nothing is drawn at random."""
        damped = sparse.csr_array(
            (np.log1p(values.data), values.indices, values.indptr), shape=values.shape, dtype=np.float32
        )
        kept = _strongest(_shared(damped), _most_items(np.diff(damped.indptr), config.most_steps))
        indptr, indices, weights = best_of_rows(_walk(kept, config), config.neighbours)
        return cls(indptr, indices, weights)


def _shared(values: sparse.csr_array) -> sparse.csr_array:
    """Rows of shoppers far busier than others scaled down to a busy one's: paid buyers are no crowd."""
    sums = np.asarray(values.sum(axis=1)).ravel()
    most = _BUSY_SHOPPER * float(np.quantile(sums[sums > 0], _BUSY_QUANTILE)) if (sums > 0).any() else 1.0
    share = np.minimum(1.0, most / np.maximum(sums, 1e-12))
    return _scaled(values, np.repeat(share, np.diff(values.indptr)).astype(np.float32))


def _most_items(sizes: npt.NDArray[Any], most_steps: int) -> int:
    """The largest number of items per shopper with which the walk stays within `most_steps`."""
    least, most = 1, int(sizes.max(initial=1))
    while least < most:
        middle = (least + most + 1) // 2
        within = int((np.minimum(sizes, middle).astype(np.int64) ** 2).sum()) <= most_steps
        least, most = (middle, most) if within else (least, middle - 1)
    return least


def _strongest(values: sparse.csr_array, most: int) -> sparse.csr_array:
    """Each shopper's `most` largest values; equal ones by item code."""
    indptr, indices, data = best_of_rows(values, most)
    kept = sparse.csr_array((data, indices, indptr), shape=values.shape)
    kept.sort_indices()
    return kept


def _walk(values: sparse.csr_array, config: LinkedConfig) -> sparse.csr_array:
    """The best ways from every item as CSR items × items, rows not in order."""
    from recsys.models.linked_kernel import best_ways  # compiles on first use; serving never walks

    shoppers = np.asarray(values.sum(axis=1)).ravel()
    items = np.asarray(values.sum(axis=0)).ravel()
    onwards = _scaled(
        values, _inverse(shoppers)[np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))]
    )
    back = sparse.csr_array(_scaled(values, _inverse(items)[values.indices]).T)
    damping = _inverse(items**config.popularity).astype(np.float32)
    counts, codes, weights = best_ways(
        (back.indptr, back.indices, back.data),
        (onwards.indptr, onwards.indices, onwards.data),
        damping,
        config.neighbours,
    )
    indptr = np.concatenate(([0], np.cumsum(counts)))
    used = np.arange(codes.shape[1]) < counts[:, None]
    return sparse.csr_array((weights[used], codes[used], indptr), shape=(len(items), len(items)))


def _scaled(values: sparse.csr_array, factors: npt.NDArray[np.float32]) -> sparse.csr_array:
    data = (values.data * factors).astype(np.float32)
    return sparse.csr_array((data, values.indices, values.indptr), shape=values.shape)


def _inverse(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    inverse: npt.NDArray[Any] = np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
    return inverse
