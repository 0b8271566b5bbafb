"""A candidate source: one idea of what a shopper may want, asked once per request.

A source is small: `read(taste)` looks at the shopper and returns scores that can name the best items under a mask
and value any item. Scores of one source are comparable within a request; what they weigh against each other is
ranking's business. Nothing here loops over items in Python.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from recsys.past import Past

__all__ = [
    "NO_SCORES",
    "Codes",
    "Flags",
    "Scores",
    "Source",
    "SparseScores",
    "Taste",
    "Values",
    "mask_or_none",
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

    def top(self, n: int, allowed: Flags) -> Codes:
        """The at most `n` best items among `allowed: bool[items]`, best first."""
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
    """Scores of a few known items."""

    codes: Codes
    """Ascending."""
    values: Values
    pairs: tuple[Codes, Codes, Values] = field(
        default_factory=lambda: (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))
    )
    """(seed item, scored item, contribution): what the values are made of, for reasons."""

    @classmethod
    def sum(cls, seeds: Codes, items: Codes, contributions: Values) -> "SparseScores":
        """Add up contributions per item and scale so that the best is 1."""
        if not len(items):
            return NO_SCORES
        codes, inverse = np.unique(items, return_inverse=True)
        totals = np.bincount(inverse, weights=contributions, minlength=len(codes)).astype(np.float32)
        best = max(float(totals.max()), 1e-12)
        return cls(codes, totals / best, (seeds, items, contributions))

    def top(self, n: int, allowed: Flags) -> Codes:
        """As `Scores.top`; equal scores by code."""
        kept = allowed[self.codes]
        codes, values = self.codes[kept], self.values[kept]
        return codes[np.argsort(-values, kind="stable")[:n]]

    def at(self, codes: Codes) -> Values:
        """As `Scores.at`."""
        if not len(self.codes):
            return np.zeros(len(codes), np.float32)
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        values: Values = np.where(self.codes[places] == codes, self.values[places], 0).astype(np.float32)
        return values

    def because(self, codes: Codes) -> Codes:
        """As `Scores.because`: the seed with the largest contribution."""
        seeds, items, contributions = self.pairs
        reasons = np.full(len(codes), -1, np.int32)
        wanted = np.isin(items, codes)
        order = np.argsort(contributions[wanted], kind="stable")
        seeds, items = seeds[wanted][order], items[wanted][order]
        places = np.argsort(codes)
        # Later assignments win, so the largest contribution of an item stays.
        reasons[places[np.searchsorted(codes[places], items)]] = seeds
        return reasons


NO_SCORES = SparseScores(np.empty(0, np.int32), np.empty(0, np.float32))


def mask_or_none(allowed: Flags) -> Flags | None:
    """The mask for an index; None when everything is allowed, which an index answers faster."""
    return None if allowed.all() else allowed
