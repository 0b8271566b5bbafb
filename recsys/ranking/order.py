"""Candidates in an order, with what put them there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from recsys.retrieval.source import Codes, Values

__all__ = ["Ranking", "union"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """c scored candidates, best first once they are sorted.

    An order moves codes and scores; what else is known of the candidates is gathered when somebody asks for it, which
    is of the few that are shown.
    """

    codes: Codes
    scores: Values
    known: Mapping[str, Values]
    """Source scores float32 by source name, aligned with `rows`."""
    lifts: Values
    """Boosts float32, aligned with `rows`."""
    rows: Rows | None = None
    """Where each candidate stands in `known` and `lifts`; None: at its own place."""

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def features(self) -> Mapping[str, Values]:
        """What each source says, float32[c] by source name."""
        if self.rows is None:
            return self.known
        return {name: values[self.rows] for name, values in self.known.items()}

    @cached_property
    def boosts(self) -> Values:
        """What each score was multiplied by, float32[c]."""
        return self.lifts if self.rows is None else self.lifts[self.rows]

    def sorted(self) -> "Ranking":
        """Best first; equal scores by code, so that an order never depends on how candidates came in."""
        return self.take(np.lexsort((self.codes, -self.scores)))

    def take(self, order: Rows) -> "Ranking":
        """The candidates at these positions."""
        rows = order if self.rows is None else self.rows[order]
        return Ranking(self.codes[order], self.scores[order], self.known, self.lifts, rows)

    def head(self, most: int) -> "Ranking":
        """The first `most`."""
        codes, scores = self.codes[:most], self.scores[:most]
        rows = np.arange(len(codes)) if self.rows is None else self.rows[:most]
        return Ranking(codes, scores, self.known, self.lifts, rows)

    def filled(self, codes: Codes) -> "Ranking":
        """This, then items no source proposed, with score 0."""
        if not len(codes):
            return self
        zeros = np.zeros(len(codes), np.float32)
        return Ranking(
            np.concatenate((self.codes, codes)),
            np.concatenate((self.scores, zeros)),
            {name: np.concatenate((values, zeros)) for name, values in self.features.items()},
            np.concatenate((self.boosts, zeros + 1)),
        )


def union(proposals: Iterable[Codes]) -> Codes:
    """Distinct items of all proposals, ascending."""
    codes = np.concatenate([*proposals, _NONE]).astype(np.int32)
    codes.sort()
    first = np.ones(len(codes), bool)
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    return codes[first]


_NONE = np.empty(0, np.int32)
