"""Items near the shopper's taste vector: ALS factors, the shopper folded in from the events at hand."""

from dataclasses import dataclass

import numpy as np

from recsys.retrieval.index import VectorIndex
from recsys.retrieval.products_kernel import positive_products
from recsys.retrieval.source import NO_SCORES, Allowed, Codes, Flags, Scores, Source, Taste, Values

__all__ = ["NearestToTaste"]


@dataclass(frozen=True)
class NearestToTaste(Source):
    """Inner product with every item, through a vector index."""

    index: VectorIndex
    factors: Values
    """float32[n, d], the rows the index was built from."""
    name = "taste"

    def read(self, taste: Taste) -> Scores:
        """Scores are predicted preferences, about 0 to 1; none for who only knows items that have no factors."""
        if taste.vector is None or not taste.vector.any():
            return NO_SCORES
        return _VectorScores(self, taste.vector)


@dataclass(frozen=True)
class _VectorScores:
    source: NearestToTaste
    vector: Values

    def top(self, n: int, allowed: Allowed | Flags) -> Codes:
        scores, codes = self.source.index.nearest(self.vector, n, Allowed.of(allowed))
        positive: Codes = codes[scores > 0]
        return positive

    def at(self, codes: Codes) -> Values:
        return positive_products(self.source.factors, codes, self.vector)

    def because(self, codes: Codes) -> Codes:
        return np.full(len(codes), -1, np.int32)
