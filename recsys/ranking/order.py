"""Candidates in an order, with what put them there."""

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from recsys.ranking.order_kernel import columns_of, distinct, falling_keys, in_order_of
from recsys.ranking.said import NOTHING_SAID, Said
from recsys.retrieval.source import Codes, Values

__all__ = ["Ranking", "Rows", "union"]

Rows = npt.NDArray[np.int64]


class Ranking:
    """c scored candidates, best first once they are sorted; never changed.

    An order moves codes and scores; what else is known of the candidates is gathered when somebody asks for it, which
    is of the few that are shown.
    """

    def __init__(
        self,
        codes: Codes,
        scores: Values,
        said: Said = NOTHING_SAID,
        lifts: Values | None = None,
        rows: Rows | None = None,
    ) -> None:
        """`codes: int32[c]`, `scores: float32[c]`.

        `said` and `lifts: float32[m]` (boosts; None where nothing is boosted) are of the candidates as they were;
        `rows: int64[c]` says where in those each stands, -1 for one that was none; None: each at its own place.
        """
        self.codes = codes
        self.scores = scores
        self.said = said
        self._lifts = lifts
        self._rows = rows

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def rows(self) -> Rows:
        """Where each candidate stood before it was ordered, int64[c]; -1 for one that was added."""
        return np.arange(len(self.codes)) if self._rows is None else self._rows

    @cached_property
    def features(self) -> Mapping[str, Values]:
        """What each source says, float32[c] by source name; 0 of what was added."""
        return dict(zip(self.said.names, columns_of(self.said.values, self.rows), strict=True))

    @cached_property
    def boosts(self) -> Values:
        """What each score was multiplied by, float32[c]; 1 of what was added."""
        if self._lifts is None:
            return np.ones(len(self.codes), np.float32)
        boosts: Values = np.append(self._lifts, np.float32(1))[self.rows]
        return boosts

    def sorted(self) -> "Ranking":
        """Best first; equal scores by code, so that an order never depends on how candidates came in.

        For candidates that nobody has ordered yet: their codes ascend.
        """
        keys = falling_keys(self.scores)
        keys.sort()
        codes, scores, rows = in_order_of(keys, self.codes, self.scores)
        return Ranking(codes, scores, self.said, self._lifts, rows)

    def take(self, order: Rows) -> "Ranking":
        """The candidates at these positions."""
        rows = order if self._rows is None else self._rows[order]
        return Ranking(self.codes[order], self.scores[order], self.said, self._lifts, rows)

    def scored(self, scores: Values) -> "Ranking":
        """The same candidates in the same order with other scores."""
        return Ranking(self.codes, scores, self.said, self._lifts, self._rows)

    def head(self, most: int) -> "Ranking":
        """The first `most`."""
        return Ranking(self.codes[:most], self.scores[:most], self.said, self._lifts, self.rows[:most])

    def filled(self, codes: Codes) -> "Ranking":
        """This, then items no source proposed, with score 0."""
        if not len(codes):
            return self
        return Ranking(
            np.concatenate((self.codes, codes)),
            np.concatenate((self.scores, np.zeros(len(codes), np.float32))),
            self.said,
            self._lifts,
            np.concatenate((self.rows, np.full(len(codes), -1))),
        )


def union(proposals: Iterable[Codes]) -> Codes:
    """Distinct items of all proposals, ascending."""
    codes = np.concatenate([*proposals, _NONE], dtype=np.int32)
    codes.sort()
    return distinct(codes)


_NONE = np.empty(0, np.int32)
