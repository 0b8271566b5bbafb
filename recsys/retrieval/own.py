"""Own items: what the shopper keeps coming back to (revisit, buy again)."""

import numpy as np

from recsys.retrieval.source import NO_SCORES, Codes, Scores, SparseScores, Taste

__all__ = ["OwnItems"]


class OwnItems:
    """Frequency, decayed by age: bought weekly and lately comes first."""

    name = "own"

    def read(self, taste: Taste) -> Scores:
        """Nothing for a related-items question: its items are what the page already shows."""
        if taste.related or not len(taste.own):
            return NO_SCORES
        return _OwnScores(taste.own, taste.own_values)


class _OwnScores(SparseScores):
    def because(self, codes: Codes) -> Codes:
        """An own item speaks for itself."""
        return np.where(np.isin(codes, self.codes), codes, -1).astype(np.int32)
