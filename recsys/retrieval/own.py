"""Own items: what the shopper keeps coming back to (revisit, buy again)."""

import numpy as np

from recsys.retrieval.source import NO_SCORES, Scores, SparseScores, Taste
from recsys.retrieval.table_kernel import table_of

__all__ = ["OwnItems"]


class OwnItems:
    """Frequency, decayed by age: bought weekly and lately comes first."""

    name = "own"

    def read(self, taste: Taste) -> Scores:
        """Nothing for a related-items question: its items are what the page already shows."""
        if taste.related or not len(taste.own):
            return NO_SCORES
        # An own item speaks for itself.
        own = np.ascontiguousarray(taste.own, np.int32)
        ranks = np.arange(len(own), dtype=np.int32)
        return SparseScores(
            own, np.ascontiguousarray(taste.own_values, np.float32), own, ranks, table_of(own)
        )
