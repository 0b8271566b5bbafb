"""Items alike in behaviour and words: the source that also knows items nobody has touched yet."""

from dataclasses import dataclass

import numpy as np

from recsys.retrieval.index import VectorIndex
from recsys.retrieval.products_kernel import nearest_seeds, positive_products
from recsys.retrieval.source import NO_SCORES, Allowed, Codes, Flags, Scores, Source, Taste, Values

__all__ = ["AlikeItems"]


@dataclass(frozen=True)
class AlikeItems(Source):
    """Cosine to the recent items' embeddings, mixed by recency into one query."""

    index: VectorIndex
    vectors: Values
    """float32[n, d] of length 1, the rows the index was built from."""
    name = "alike"

    def read(self, taste: Taste) -> Scores:
        """Scores are cosines to the mixed query, negative ones cut to 0."""
        query = self.query(taste)
        return NO_SCORES if query is None else _AlikeScores(self, taste.recent, query)

    def query(self, taste: Taste) -> Values | None:
        """The recent items mixed by recency: float32[d] of length 1, None where they say nothing."""
        if not len(taste.recent):
            return None
        mixed = taste.recent_weights @ self.vectors[taste.recent]
        length = np.float32(np.sqrt(mixed @ mixed))
        return mixed / length if length > 0 else None


@dataclass(frozen=True)
class _AlikeScores:
    source: AlikeItems
    seeds: Codes
    query: Values

    def top(self, n: int, allowed: Allowed | Flags) -> Codes:
        scores, codes = self.source.index.nearest(self.query, n, Allowed.of(allowed))
        positive: Codes = codes[scores > 0]
        return positive

    def at(self, codes: Codes) -> Values:
        return positive_products(self.source.vectors, codes, self.query)

    def because(self, codes: Codes) -> Codes:
        return nearest_seeds(self.source.vectors, codes, self.seeds)
