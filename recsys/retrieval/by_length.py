"""Vectors in falling order of length: exact search that stops where nothing better can come.

The answers are those of `ExactIndex`, ties included, behind any filter; how far a search looks depends on how uneven
the lengths are. See `recsys.retrieval.scan_kernel` for the bound.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.scan_kernel import scan_falling

__all__ = ["ByLength"]

Codes = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]

_ALL: Final = np.empty(0, np.bool_)
_NONE: Final = np.empty(0, np.int32)


@dataclass(frozen=True)
class ByLength:
    """n vectors of size d in their own order, and whose each is."""

    rows: Vectors
    """float32[n, d], longest first, equally long ones by code."""
    codes: Codes
    """int32[n]"""
    lengths: Vectors
    """float32[n]"""

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        """Order `vectors: float32[n, d]`, rows by item code."""
        lengths = np.linalg.norm(vectors, axis=1).astype(np.float32)
        codes = np.argsort(-lengths, kind="stable").astype(np.int32)
        return cls(np.ascontiguousarray(vectors[codes]), codes, lengths[codes])

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Vectors, Codes]:
        """At most k best for one query float32[d]: scores and codes, best first."""
        scores, codes, _ = self._scan(query, k, allowed)
        return scores, codes

    def compared(self, query: Vectors, k: int) -> int:
        """How many vectors a search without a filter looks at."""
        return self._scan(query, k, None)[2]

    def _scan(self, query: Vectors, k: int, allowed: Allowed | None) -> tuple[Vectors, Codes, int]:
        flags, hidden = (_ALL, _NONE) if allowed is None else (allowed.pool.flags, allowed.hidden)
        return scan_falling(self.rows, self.codes, self.lengths, flags, hidden, query, k)

    def save(self, folder: Path) -> None:
        """Write the three arrays."""
        save_arrays(folder, rows=self.rows, codes=self.codes, lengths=self.lengths)

    @classmethod
    def load(cls, folder: Path, shape: tuple[int, ...]) -> Self:
        """Map what `save` wrote; ReleaseCorrupt when it does not fit vectors of this shape."""
        found = cls(*(load_array(folder, name) for name in ("rows", "codes", "lengths")))
        if found.rows.shape != shape or found.codes.shape != shape[:1] or found.lengths.shape != shape[:1]:
            raise ReleaseCorrupt(f"the index in {folder.name!r} does not fit its vectors")
        return found
