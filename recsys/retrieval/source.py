"""A candidate source: one idea of what a shopper may want, asked once per request.

A source is small: `read(taste)` looks at the shopper and returns scores that can name the best items under a mask
and value any item. Scores of one source are comparable within a request; what they weigh against each other is
ranking's business. Nothing here loops over items in Python.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from recsys.models.neighbour_lists import NeighbourLists
from recsys.past import Past
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.sums_kernel import summed
from recsys.retrieval.table_kernel import Table, seeds_of, table_of, values_of

__all__ = [
    "NO_SCORES",
    "Allowed",
    "Codes",
    "Flags",
    "Scores",
    "Source",
    "SparseScores",
    "Taste",
    "Values",
    "sum_of_lists",
]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Taste:
    """What is known of a shopper in one request: all that sources read."""

    own: Codes
    """Distinct items the shopper cares about (net of returns), ascending."""
    own_values: Values
    """Value of each, decayed by age."""
    recent: Codes
    """Distinct items, most recent first: seeds of neighbour sources."""
    recent_weights: Values
    """Weight of each seed, falling with rank."""
    recent_ages: Values
    """Hours from each seed's last event to the newest event."""
    past: Past
    """The shopper's dealings with each item."""
    vector: Values | None
    """Taste vector in the ALS space: folded in from events, attributes, or both; None when nothing is known."""
    related: bool = False
    """Whether the items are the question (a product page, a cart) and not the shopper's past."""


class Scores(Protocol):
    """One source's view of one request."""

    def top(self, n: int, allowed: Allowed | Flags) -> Codes:
        """The at most `n` best items among the allowed ones (or a mask bool[items]), best first."""
        ...

    def at(self, codes: Codes) -> Values:
        """Score of each item; 0 where the source has nothing to say."""
        ...

    def because(self, codes: Codes) -> Codes:
        """The item of the shopper that speaks most for each; -1 where none does."""
        ...


class Source(Protocol):
    """A named reader of tastes."""

    name: str

    def read(self, taste: Taste) -> Scores:
        """Scores for this request; cheap and without side effects."""
        ...


@dataclass(frozen=True)
class SparseScores:
    """Scores of a few known items, distinct, in any order."""

    codes: Codes
    values: Values
    seeds: Codes
    """Items of the shopper that speak for others."""
    ranks: Codes
    """Place in `seeds` of the one that speaks most for each item."""
    table: Table
    """Row by item code."""

    def top(self, n: int, allowed: Allowed | Flags) -> Codes:
        """As `Scores.top`; equal scores by code."""
        return Allowed.of(allowed).best(self.codes, self.values, n)

    def at(self, codes: Codes) -> Values:
        """As `Scores.at`."""
        return values_of(self.table, np.ascontiguousarray(codes, np.int32), self.values)

    def because(self, codes: Codes) -> Codes:
        """As `Scores.because`: the seed with the largest contribution."""
        return seeds_of(self.table, np.ascontiguousarray(codes, np.int32), self.ranks, self.seeds)


_NO_CODES: Final = np.empty(0, np.int32)
NO_SCORES: Final = SparseScores(_NO_CODES, np.empty(0, np.float32), _NO_CODES, _NO_CODES, table_of(_NO_CODES))


def sum_of_lists(lists: NeighbourLists, seeds: Codes, weights: Values) -> Scores:
    """Neighbour lists of distinct seeds added up by weight, scaled so that the best neighbour has 1."""
    seeds = np.ascontiguousarray(seeds, np.int32)
    codes, values, ranks, table = summed(
        seeds, np.ascontiguousarray(weights, np.float32), lists.indptr, lists.indices, lists.weights
    )
    return SparseScores(codes, values, seeds, ranks, table) if len(codes) else NO_SCORES
