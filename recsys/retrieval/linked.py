"""Items that the shoppers of one's own items went on to: the whole history speaks, not the latest session."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.models.linked import Linked
from recsys.retrieval.source import NO_SCORES, Scores, Source, Taste, sum_of_lists

__all__ = ["LinkedItems"]

_OWN: Final = 15
"""Own items that speak, those of the highest value: bounds the work of a request."""


@dataclass(frozen=True)
class LinkedItems(Source):
    """Neighbour lists of the own items, added up by value."""

    lists: Linked
    name = "linked"

    def read(self, taste: Taste) -> Scores:
        """Scores are scaled so that the best neighbour has 1."""
        if not len(taste.own):
            return NO_SCORES
        strongest = np.argsort(-taste.own_values, kind="stable")[:_OWN]
        return sum_of_lists(self.lists, taste.own[strongest], taste.own_values[strongest])
