"""Items that go together: for each item, the ones most often in the same session or basket.

Weight of a pair = sum over sessions of decay / log2(1 + size), divided by the geometric mean of both items' own
sums plus a shrinkage: large sessions say little about each pair, popular items are not everybody's neighbour, and
a pair met once is no evidence.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.arrays import load_array, save_arrays
from recsys.interactions import Interactions
from recsys.weights import DAY_MS

__all__ = ["Covisitation", "CovisitationConfig"]

Codes = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]

_BLOCK: Final = 2_000
"""Items whose neighbours are counted at a time: bounds memory, not results."""


class CovisitationConfig(BaseModel):
    """Parameters of the counting."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    neighbours: int = Field(default=100, ge=1, le=1000)
    """Kept per item."""
    half_life_days: float = Field(default=90.0, gt=0)
    """Days after which a session counts half."""
    largest_session: int = Field(default=100, ge=2)
    """Of larger sessions the first items by code are counted: bulk orders and bots say nothing about pairs."""
    shrinkage: float = Field(default=1.0, ge=0)
    """Sessions' worth of doubt added below every pair."""


@dataclass(frozen=True)
class Covisitation:
    """Neighbour lists as CSR, best first: rows of item i are [indptr[i], indptr[i + 1])."""

    indptr: npt.NDArray[np.int64]
    indices: Codes
    weights: Scores

    @classmethod
    def fit(cls, interactions: Interactions, config: CovisitationConfig) -> Self:
        """Count pairs in `interactions` (positive events only; what was taken back already left out)."""
        codes = np.unique(interactions.session, return_inverse=True)[1]
        sessions = _session_items(codes, interactions, config.largest_session)
        decay = _session_weights(codes, interactions, sessions, config.half_life_days)
        weighted = sparse.diags_array(decay) @ sessions
        mass = np.asarray(weighted.sum(axis=0)).ravel()
        by_item = sparse.csr_array(sessions.T)
        parts = [
            _block_neighbours(by_item, weighted, np.sqrt(mass), start, config)
            for start in range(0, sessions.shape[1], _BLOCK)
        ]
        counts, indices, weights = (
            np.concatenate([part[axis] for part in parts]) if parts else np.empty(0) for axis in range(3)
        )
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return cls(indptr, indices.astype(np.int32), weights.astype(np.float32))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def pairs(self, seeds: Codes) -> tuple[npt.NDArray[np.int64], Codes, Scores]:
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


def _session_items(
    codes: npt.NDArray[np.int64], interactions: Interactions, largest: int
) -> sparse.csr_array:
    """Sessions × items, ones; at most `largest` items each. `codes` is the dense session of every row."""
    sessions = int(codes.max(initial=-1)) + 1
    shape = (sessions, len(interactions.items))
    matrix = sparse.csr_array((np.ones(len(codes), np.float32), (codes, interactions.item)), shape=shape)
    matrix.sum_duplicates()
    matrix.sort_indices()
    sizes = np.diff(matrix.indptr)
    within = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], sizes)
    matrix.data[:] = within < largest
    matrix.eliminate_zeros()
    return matrix


def _session_weights(
    codes: npt.NDArray[np.int64],
    interactions: Interactions,
    sessions: sparse.csr_array,
    half_life_days: float,
) -> npt.NDArray[np.float32]:
    newest = np.zeros(sessions.shape[0], np.int64)
    np.maximum.at(newest, codes, interactions.time)
    ages = (interactions.end - newest) / (half_life_days * DAY_MS)
    sizes = np.maximum(np.diff(sessions.indptr), 1)
    weights: npt.NDArray[np.float32] = (np.exp2(-ages) / np.log2(1.0 + sizes)).astype(np.float32)
    return weights


def _block_neighbours(
    by_item: sparse.csr_array,
    weighted: sparse.csr_array,
    root_mass: npt.NDArray[np.float64],
    start: int,
    config: CovisitationConfig,
) -> tuple[npt.NDArray[np.int64], Codes, Scores]:
    """Neighbour counts, codes and weights of the items [start, start + _BLOCK)."""
    block = by_item[start : start + _BLOCK]
    together = sparse.csr_array(block @ weighted)
    rows = np.repeat(np.arange(block.shape[0]), np.diff(together.indptr))
    doubt = root_mass[together.indices] * root_mass[start + rows] + config.shrinkage
    weights = together.data / doubt
    keep = together.indices != start + rows
    rows, codes, weights = rows[keep], together.indices[keep], weights[keep]
    order = np.lexsort((codes, -weights, rows))
    rows, codes, weights = rows[order], codes[order], weights[order]
    offsets = np.searchsorted(rows, np.arange(block.shape[0] + 1))
    top = np.arange(len(rows)) - offsets[rows] < config.neighbours
    counts = np.bincount(rows[top], minlength=block.shape[0]).astype(np.int64)
    return counts, codes[top].astype(np.int32), weights[top].astype(np.float32)
