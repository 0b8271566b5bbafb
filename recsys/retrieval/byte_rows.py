"""Vectors as bytes beside what their rounding can hide: what a search reads first.

Each row has a scale of its own, its largest number over 127 (symmetric scalar quantisation). The error of a row bounds,
for any query, how far the product of bytes times both scales can lie from the inner product as it is computed, relative
to the query's length: the length of what was rounded away, and what rounding the query and float32 sums add.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.retrieval.byte_kernel import LEVELS, ROUNDING, STRIDE

__all__ = ["ByteRows"]

Codes = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]

_LARGEST: Final = 127
_AT_ONCE: Final = 100_000
_SURELY: Final = 1.001
"""Errors are kept as float32 themselves."""


@dataclass(frozen=True)
class ByteRows:
    """n rows of w bytes."""

    numbers: npt.NDArray[np.int8]
    """int8[n, w], filled up with zeros to a whole number of strides."""
    scales: Vectors
    """float32[n, 2]: what one of a row is worth, and the row's error."""

    @classmethod
    def of(cls, vectors: Vectors, codes: Codes) -> Self:
        """Round the rows `codes` of `vectors: float32[items, d]`."""
        size = vectors.shape[1]
        width = -(-size // STRIDE) * STRIDE
        numbers, scales = np.zeros((len(codes), width), np.int8), np.zeros((len(codes), 2), np.float32)
        for start in range(0, len(codes), _AT_ONCE):
            rows, part = vectors[codes[start : start + _AT_ONCE]], slice(start, start + _AT_ONCE)
            scale = np.abs(rows).max(axis=1, initial=0.0) / np.float32(_LARGEST)
            whole = np.rint(rows / np.where(scale > 0, scale, np.float32(1))[:, None])
            whole = np.where(scale[:, None] > 0, np.clip(whole, -_LARGEST, _LARGEST), np.float32(0))
            numbers[part, :size] = whole
            hidden = np.linalg.norm(
                rows.astype(np.float64) - whole * scale[:, None].astype(np.float64), axis=1
            )
            # A rounded query is off by at most half a unit in each dimension.
            query = 0.5 * np.sqrt(size) / LEVELS
            scales[part, 0] = scale
            lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
            scales[part, 1] = _SURELY * (hidden + (query + ROUNDING) * lengths)
        return cls(numbers, scales)

    def save(self, folder: Path) -> None:
        """Write both arrays."""
        save_arrays(folder, bytes=self.numbers, scales=self.scales)

    @classmethod
    def load(cls, folder: Path, shape: tuple[int, ...]) -> Self:
        """Map what `save` wrote; ReleaseCorrupt when it does not fit vectors of this shape."""
        found = cls(load_array(folder, "bytes"), load_array(folder, "scales"))
        width = -(-shape[1] // STRIDE) * STRIDE
        if found.numbers.shape != (shape[0], width) or found.scales.shape != (shape[0], 2):
            raise ReleaseCorrupt(f"the index in {folder.name!r} does not fit its vectors")
        return found
