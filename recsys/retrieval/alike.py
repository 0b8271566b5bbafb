"""Items alike in behaviour and words: the source that also knows items nobody has touched yet."""

from dataclasses import dataclass

import numpy as np

from recsys.retrieval.index import VectorIndex
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
        if not len(taste.recent):
            return NO_SCORES
        query = taste.recent_weights @ self.vectors[taste.recent]
        length = float(np.linalg.norm(query))
        return _AlikeScores(self, taste.recent, query / length) if length > 0 else NO_SCORES


@dataclass(frozen=True)
class _AlikeScores:
    source: AlikeItems
    seeds: Codes
    query: Values

    def top(self, n: int, allowed: Allowed | Flags) -> Codes:
        query = self.query[None, :].astype(np.float32)
        scores, codes = self.source.index.search(query, n, allowed)
        positive: Codes = codes[0][scores[0] > 0]
        return positive

    def at(self, codes: Codes) -> Values:
        cosines: Values = np.maximum(self.source.vectors[codes] @ self.query, 0).astype(np.float32)
        return cosines

    def because(self, codes: Codes) -> Codes:
        near = self.source.vectors[codes] @ self.source.vectors[self.seeds].T
        nearest: Codes = self.seeds[np.argmax(near, axis=1)]
        return nearest
