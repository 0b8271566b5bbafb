"""For each item a short list of others with weights: the shape in which every item-item model is kept and served.

Invariants: rows are ordered best first, hold no item twice and never the item itself; weights are positive.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.arrays import load_array, save_arrays

__all__ = ["NeighbourLists", "best_of_rows"]

Codes = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NeighbourLists:
    """Neighbour lists as CSR: those of item i are [indptr[i], indptr[i + 1])."""

    indptr: Offsets
    indices: Codes
    weights: Scores

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def pairs(self, seeds: Codes) -> tuple[Offsets, Codes, Scores]:
        """All neighbours of some items: (position in `seeds`, neighbour, weight), aligned."""
        starts, ends = self.indptr[seeds], self.indptr[seeds + 1]
        counts = ends - starts
        owner = np.repeat(np.arange(len(seeds)), counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.repeat(starts, counts) + within
        return owner, self.indices[places], self.weights[places]

    def save(self, folder: Path) -> None:
        """Write the three arrays."""
        save_arrays(folder, indptr=self.indptr, indices=self.indices, weights=self.weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(*(load_array(folder, name) for name in ("indptr", "indices", "weights")))


def best_of_rows(weights: sparse.csr_array, most: int) -> tuple[Offsets, Codes, Scores]:
    """The `most` largest entries of every row, best first, equal ones by code: (indptr, indices, weights)."""
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    order = np.lexsort((weights.indices, -weights.data, rows))
    within = np.arange(weights.nnz) - weights.indptr[rows]
    kept = order[within < most]
    counts = np.minimum(np.diff(weights.indptr), most)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return indptr, weights.indices[kept].astype(np.int32), weights.data[kept].astype(np.float32)
