"""What is wanted now, overall and in the categories the shopper looks at."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.models.trending import Trending
from recsys.retrieval.source import Codes, Flags, Scores, Source, Taste, Values

__all__ = ["TrendingItems", "first_allowed"]

_CATEGORIES: Final = 3


@dataclass(frozen=True)
class TrendingItems(Source):
    """The head of all items and of the shopper's latest categories."""

    trending: Trending
    categories: Codes
    """int32[n]: category code of every item."""
    name = "trending"

    def read(self, taste: Taste) -> Scores:
        """Scores are shares of the most wanted item's count."""
        seen = self.categories[taste.recent]
        _, first = np.unique(seen, return_index=True)
        latest = [int(code) for code in seen[np.sort(first)] if code >= 0]
        return _TrendingScores(self.trending, latest[:_CATEGORIES])


@dataclass(frozen=True)
class _TrendingScores:
    trending: Trending
    categories: list[int]

    def top(self, n: int, allowed: Flags) -> Codes:
        share = n // (len(self.categories) + 1)
        heads = [first_allowed(self.trending.head(category), share, allowed) for category in self.categories]
        overall = first_allowed(self.trending.order, n - sum(map(len, heads)), allowed)
        return np.concatenate([overall, *heads]).astype(np.int32)

    def at(self, codes: Codes) -> Values:
        return self.trending.scores[codes]

    def because(self, codes: Codes) -> Codes:
        return np.full(len(codes), -1, np.int32)


def first_allowed(order: Codes, n: int, allowed: Flags) -> Codes:
    """The first `n` allowed of an order, looking further only as far as needed."""
    head = order[: 4 * n]
    found = head[allowed[head]]
    if len(found) < n and len(head) < len(order):
        found = order[allowed[order]]
    return found[:n]
