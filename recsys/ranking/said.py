"""What the sources say of the candidates: one row each, looked up together before anything is ranked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.retrieval.source import Codes, Scores, Values

__all__ = ["NOTHING_SAID", "Said"]

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Said:
    """The scores of c candidates in some sources."""

    names: tuple[str, ...]
    """The sources that were asked."""
    values: Matrix
    """float32[sources, c], a row by name; 0 where a source has nothing to say."""

    @classmethod
    def about(cls, codes: Codes, scores: Mapping[str, Scores]) -> Self:
        """Of the candidates `codes: int32[c]`."""
        values = np.empty((len(scores), len(codes)), np.float32)
        for row, found in enumerate(scores.values()):
            values[row] = found.at(codes)
        return cls(tuple(scores), values)

    @classmethod
    def of(cls, columns: Mapping[str, Values], count: int) -> Self:
        """Of columns float32[count] by name."""
        values = np.empty((len(columns), count), np.float32)
        for row, column in enumerate(columns.values()):
            values[row] = column
        return cls(tuple(columns), values)

    def by_name(self) -> Mapping[str, Values]:
        """The rows by name."""
        return dict(zip(self.names, self.values, strict=True))


NOTHING_SAID: Final = Said((), np.empty((0, 0), np.float32))
