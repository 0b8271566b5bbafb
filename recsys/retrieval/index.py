"""Nearest items by inner product: what every vector index promises, and the exact one that specifies it.

Invariants: results are ordered by score, highest first, and equal scores by code, lowest first; an item that
may not be shown is never returned and never costs an allowed one its place (filtering comes before top-k);
a place that no item can fill holds code -1 and score -inf.
"""

from pathlib import Path
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import load_array, save_arrays
from recsys.errors import InputError
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.index_facts import Plan
from recsys.retrieval.scan_kernel import dots, scan_some

__all__ = ["ExactIndex", "VectorIndex", "check_search", "check_vectors", "inner_products", "padded", "top_k"]

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Vectors = NDArray[np.float32]

_NOBODY: Final = -1
_NONE: Final = np.empty(0, np.int32)


class VectorIndex(Protocol):
    """Search over n item vectors of size d, which are rows by item code."""

    def __len__(self) -> int:
        """The number n of items."""
        ...

    def search(self, queries: Vectors, k: int, mask: Mask | Allowed | None = None) -> tuple[Vectors, Codes]:
        """The k best items of each query among those where `mask: bool[n]` is true (all without a mask).

        `queries: float32[q, d]` → scores float32[q, k] and codes int32[q, k], padded with -inf and -1.
        Raises InputError for shapes that do not fit, k < 1 and queries that are not finite.
        """
        ...

    def nearest(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Vectors, Codes]:
        """Scores and codes of the at most k best items for one finite query float32[d], best first: a request's way."""
        ...

    def plan(self, k: int, mask: Mask | Allowed | None = None) -> Plan:
        """How k items behind a mask would be searched."""
        ...


class ExactIndex:
    """Compares with every allowed item: about 1 ms a query at 100k items of 64 dimensions."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = check_vectors(vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: Vectors, k: int, mask: Mask | Allowed | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.search`."""
        check_search(self.vectors, queries, k, mask)
        allowed = None if mask is None else Allowed.of(mask)
        return padded([self.nearest(query, k, allowed) for query in np.ascontiguousarray(queries)], k)

    def nearest(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.nearest`."""
        if allowed is None:
            return scan_some(self.vectors, np.arange(len(self), dtype=np.int32), _NONE, query, k)
        return scan_some(self.vectors, allowed.pool.codes, allowed.hidden, query, k)

    def plan(self, k: int, mask: Mask | Allowed | None = None) -> Plan:  # noqa: ARG002
        """As `VectorIndex.plan`."""
        return Plan("exact", 1.0 if mask is None else Allowed.of(mask).share)

    def save(self, folder: Path) -> None:
        """Write the vectors into `folder`."""
        save_arrays(folder, vectors=self.vectors)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map the vectors from `folder`."""
        return cls(load_array(folder, "vectors"))


def inner_products(vectors: Vectors, query: Vectors) -> Vectors:
    """Scores float32[n] of `vectors: float32[n, d]` for one query float32[d].

    One dot product per row, always the same, so that equal vectors score exactly equal; a matrix product sums its
    blocks in different orders and would split ties at random.
    """
    return dots(vectors, np.arange(len(vectors), dtype=np.int32), query)


def top_k(scores: Vectors, k: int) -> tuple[Vectors, Codes]:
    """The min(k, n) highest of `scores: float32[n]` and their positions, equal scores by position; no NaN."""
    positions = np.arange(len(scores), dtype=np.int32)
    if k < len(scores):
        positions = np.flatnonzero(scores >= np.partition(scores, -k)[-k]).astype(np.int32)
    order = positions[np.argsort(-scores[positions], kind="stable")[:k]]
    return scores[order], order


def padded(found: list[tuple[Vectors, Codes]], k: int) -> tuple[Vectors, Codes]:
    """One row of k a query: what was found, then -inf and -1."""
    scores = np.full((len(found), k), -np.inf, dtype=np.float32)
    codes = np.full((len(found), k), _NOBODY, dtype=np.int32)
    for row, (values, items) in enumerate(found):
        scores[row, : len(items)] = values
        codes[row, : len(items)] = items
    return scores, codes


def check_vectors(vectors: Vectors) -> Vectors:
    """The vectors as C-ordered float32[n, d]; InputError for another shape or values that are not finite."""
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2 or not array.shape[1]:
        raise InputError(f"item vectors have shape {array.shape}; expected [items, dimensions]")
    if not np.isfinite(array).all():
        raise InputError("item vectors hold NaN or infinity; look at the training loss")
    return array


def check_search(vectors: Vectors, queries: Vectors, k: int, mask: Mask | Allowed | None) -> None:
    """Raise InputError when the arguments of a search do not fit the index."""
    count, size = vectors.shape
    if queries.ndim != 2 or queries.shape[1] != size:
        raise InputError(f"queries have shape {queries.shape}; expected [queries, {size}]")
    if queries.dtype != np.float32 or not np.isfinite(queries).all():
        raise InputError(f"queries must be finite float32, got {queries.dtype}")
    if k < 1:
        raise InputError(f"k is {k!r}; expected at least 1")
    flags = mask.pool.flags if isinstance(mask, Allowed) else mask
    if flags is not None and (flags.shape != (count,) or flags.dtype != np.bool_):
        raise InputError(f"mask is {flags.dtype}{list(flags.shape)}; expected bool[{count}]")
