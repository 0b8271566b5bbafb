"""Vectors in falling order of length: exact search that stops where nothing better can come.

The answers are those of `ExactIndex`, ties included, behind any filter; how far a search looks depends on how uneven
the lengths are. See `recsys.retrieval.byte_kernel` for the bounds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.byte_kernel import Gate, Rows, places_of, scan_chosen, scan_falling
from recsys.retrieval.byte_rows import ByteRows

__all__ = ["ByLength"]

Codes = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]

_ALL: Final[Gate] = np.empty(0, np.bool_), np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class ByLength:
    """n vectors of size d in their own order, as bytes, and whose each is."""

    vectors: Vectors
    """float32[n, d], by item code."""
    codes: Codes
    """int32[n]: items, the longest vector first, equally long ones by code."""
    lengths: Vectors
    """float32[n], in that order."""
    rounded: ByteRows
    """In that order."""

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        """Order `vectors: float32[n, d]`, rows by item code."""
        # Squares of small numbers vanish in float32, and with them the bound.
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)).astype(np.float32)
        codes = np.argsort(-lengths, kind="stable").astype(np.int32)
        return cls(vectors, codes, lengths[codes], ByteRows.of(vectors, codes))

    @property
    def _rows(self) -> Rows:
        return self.rounded.numbers, self.rounded.scales, self.codes, self.vectors

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Vectors, Codes]:
        """At most k best for one query float32[d]: scores and codes, best first."""
        gate = _ALL if allowed is None else (allowed.pool.flags, allowed.hidden)
        scores, codes, _ = scan_falling(self._rows, self.lengths, gate, query, k)
        return scores, codes

    def among(self, query: Vectors, k: int, allowed: Allowed) -> tuple[Vectors, Codes]:
        """As `search`, looking at the allowed rows only: for few of them."""
        return scan_chosen(self._rows, self._places(allowed.pool), self.lengths, allowed.hidden, query, k)

    def compared(self, query: Vectors, k: int) -> int:
        """How many vectors a search without a filter looks at."""
        return scan_falling(self._rows, self.lengths, _ALL, query, k)[2]

    def _places(self, pool: ItemSet) -> Codes:
        """int32[count]: where the items of a set stand, ascending; kept with the set."""
        places = pool.memo.get(self)
        if places is None:
            places = pool.memo[self] = places_of(self.codes, pool.flags, pool.count)
        return places

    def save(self, folder: Path) -> None:
        """Write the arrays beside the vectors."""
        save_arrays(folder, codes=self.codes, lengths=self.lengths)
        self.rounded.save(folder)

    @classmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Map what `save` wrote; ReleaseCorrupt when it does not fit the vectors."""
        codes, lengths = load_array(folder, "codes"), load_array(folder, "lengths")
        if codes.shape != vectors.shape[:1] or lengths.shape != vectors.shape[:1]:
            raise ReleaseCorrupt(f"the index in {folder.name!r} does not fit its vectors")
        return cls(vectors, codes, lengths, ByteRows.load(folder, vectors.shape))
