"""Candidates in an order, with what put them there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.retrieval.source import Codes, Values

__all__ = ["Ranking", "union"]


@dataclass(frozen=True)
class Ranking:
    """c scored candidates; all columns aligned, float32[c]."""

    codes: Codes
    scores: Values
    features: Mapping[str, Values]
    boosts: Values

    def __len__(self) -> int:
        return len(self.codes)

    def sorted(self) -> "Ranking":
        """Best first; equal scores by code, so that an order never depends on how candidates came in."""
        return self.take(np.lexsort((self.codes, -self.scores)))

    def take(self, order: npt.NDArray[np.int64]) -> "Ranking":
        """The candidates at these positions."""
        features = {name: values[order] for name, values in self.features.items()}
        return Ranking(self.codes[order], self.scores[order], features, self.boosts[order])

    def filled(self, codes: Codes) -> "Ranking":
        """This, then items no source proposed, with score 0."""
        zeros = np.zeros(len(codes), np.float32)
        return Ranking(
            np.concatenate((self.codes, codes)),
            np.concatenate((self.scores, zeros)),
            {name: np.concatenate((values, zeros)) for name, values in self.features.items()},
            np.concatenate((self.boosts, zeros + 1)),
        )


def union(proposals: Iterable[Codes]) -> Codes:
    """Distinct items of all proposals, ascending."""
    return np.unique(np.concatenate([*proposals, np.empty(0, np.int32)])).astype(np.int32)
