"""Session neighbours: past sessions that held the shopper's latest items, and what else those sessions held.

A nearest-neighbour recommender over sessions: similarity adds up the matched items by recency and rarity (Kersbergen,
Sprangers and Schelter, "Serenade: Low-Latency Session-Based Recommendation in e-Commerce at Scale", SIGMOD 2022, §2);
age of the neighbour session and distance from the matched item fade its items (Garg et al., "Sequence and Time Aware
Neighborhood for Session-based Recommendations", SIGIR 2019, §3). Ours are the powers of item frequency in place of
an idf, and a second hop over the best items found, which reaches targets that no past session joins to a seed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from recsys.models.sessions import Sessions
from recsys.retrieval.session_kernel import Index, Reach, neighbour_items
from recsys.retrieval.source import NO_SCORES, Scores, SparseScores, Taste, Values

__all__ = ["SessionNeighbours"]

_FURTHEST: Final = 64


@dataclass(frozen=True)
class SessionNeighbours:
    """Reads the sessions nearest to the shopper's latest items."""

    sessions: Sessions
    name = "sessions"

    def read(self, taste: Taste) -> Scores:
        """Scores are scaled so that the best item has 1; nothing where no past session held a seed."""
        if not len(taste.recent) or not len(self.sessions):
            return NO_SCORES
        seeds = np.ascontiguousarray(taste.recent, np.int32)
        codes, scores, ranks, table = neighbour_items(
            seeds, self._seed_weights(taste), self._fade, self._reach, self._index
        )
        if not len(codes):
            return NO_SCORES
        return SparseScores(codes, scores / max(float(scores.max()), 1e-30), seeds, ranks, table)

    def _seed_weights(self, taste: Taste) -> Values:
        """By step back in time: what was bought at once asks at once, and a related question has one step."""
        ages = taste.recent_ages
        steps = np.zeros(len(ages), np.float32)
        np.cumsum(ages[1:] > ages[:-1], out=steps[1:])
        weights: Values = np.exp(-steps / np.float32(self.sessions.config.seed_fade))
        return weights

    @cached_property
    def _fade(self) -> Values:
        config = self.sessions.config
        steps = np.arange(-_FURTHEST, _FURTHEST + 1)
        worth = np.exp(-np.abs(steps) / config.distance_fade) * np.where(steps < 0, config.backwards, 1.0)
        return worth.astype(np.float32)

    @cached_property
    def _reach(self) -> Reach:
        config = self.sessions.config
        return config.nearest, config.entries, config.bridges, config.bridge_share, config.bridge_again

    @cached_property
    def _index(self) -> Index:
        found = self.sessions
        return (
            found.offsets,
            found.items,
            found.places,
            found.weights,
            found.starts,
            found.postings,
            found.matched,
            found.match_weights,
            found.item_weights,
        )
