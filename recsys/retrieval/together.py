"""Items met together with the shopper's latest ones in other sessions and baskets."""

from dataclasses import dataclass

from recsys.models.covisitation import Covisitation
from recsys.retrieval.source import Scores, Source, Taste, sum_of_lists

__all__ = ["MetTogether"]


@dataclass(frozen=True)
class MetTogether(Source):
    """Neighbour lists of the recent items, added up by recency."""

    lists: Covisitation
    name = "together"

    def read(self, taste: Taste) -> Scores:
        """Scores are scaled so that the best neighbour has 1."""
        return sum_of_lists(self.lists, taste.recent, taste.recent_weights)
