"""What is wanted now, overall and in the categories the shopper looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.models.trending import Trending
from recsys.retrieval.source import Allowed, Codes, Flags, Scores, Source, Taste, Values

__all__ = ["TrendingItems"]

_CATEGORIES: Final = 3


@dataclass(frozen=True)
class TrendingItems(Source):
    """The head of all items and of the shopper's latest categories."""

    trending: Trending
    categories: Callable[[], Codes]
    """int32[n]: category code of every item there is now."""
    name = "trending"

    def read(self, taste: Taste) -> Scores:
        """Scores are shares of the most wanted item's count."""
        seen = dict.fromkeys(self.categories()[taste.recent].tolist())
        latest = [code for code in seen if code >= 0]
        return _TrendingScores(self.trending, latest[:_CATEGORIES])


@dataclass(frozen=True)
class _TrendingScores:
    trending: Trending
    categories: list[int]

    def top(self, n: int, allowed: Allowed | Flags) -> Codes:
        shown = Allowed.of(allowed)
        share = n // (len(self.categories) + 1)
        heads = [shown.first(self.trending.head(category), share) for category in self.categories]
        overall = shown.first(self.trending.order, n - sum(map(len, heads)))
        return np.concatenate([overall, *heads])

    def at(self, codes: Codes) -> Values:
        return self.trending.scores[codes]

    def because(self, codes: Codes) -> Codes:
        return np.full(len(codes), -1, np.int32)
