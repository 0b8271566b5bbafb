"""Clusters of vectors by k-means (FAISS): what inverted lists are made of, at build time only."""

from typing import Any, Final

import faiss as untyped_faiss
import numpy as np
import numpy.typing as npt

__all__ = ["clusters"]

faiss: Any = untyped_faiss  # its stubs describe the C++ side, not the Python wrappers

_POINTS: Final = 64
"""Vectors that k-means looks at for each centre."""


def clusters(
    vectors: npt.NDArray[np.float32], count: int, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Centres float32[count, d], and the one of largest inner product of each of `vectors: float32[n, d]`."""
    size = vectors.shape[1]
    centres = faiss.IndexFlatIP(size)
    index = faiss.IndexIVFFlat(centres, size, count, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed
    index.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = _POINTS
    index.train(vectors)
    _, nearest = centres.search(vectors, 1)
    found: npt.NDArray[np.float32] = centres.reconstruct_n(0, count)
    return found, nearest[:, 0]
