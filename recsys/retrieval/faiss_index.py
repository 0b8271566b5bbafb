"""The vector index on FAISS: Flat up to 200,000 items, inverted lists above.

Invariants: the answers are those of `ExactIndex`, ties included, as far as the inverted lists that are probed
reach; k items come back whenever k are allowed. FAISS proposes, the exact inner product on the memory-mapped
vectors decides; a query whose border is too close to call, or that FAISS left short, is searched exactly.
"""

import math
from pathlib import Path
from typing import Any, Final, Self

import faiss as untyped_faiss
import numpy as np
from numpy.typing import NDArray

from recsys.arrays import load_array, save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.retrieval.index import ExactIndex, check_search, inner_products

__all__ = ["FaissIndex", "use_one_thread"]

faiss: Any = untyped_faiss  # its stubs describe the C++ side, not the Python wrappers

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Vectors = NDArray[np.float32]

FLAT_LIMIT: Final = 200_000
PROBES: Final = 64
"""Of some 4,000 lists at a million items: one item in 63 is compared."""

EXACT_SHARE: Final = 0.1
"""At or under this share of allowed items the sub-matrix is searched exactly: inverted lists lose nearly all
recall behind a selective mask (0.19 at 1 %), and the gathered rows are few."""

SLACK: Final = 16
"""Proposals beyond k: float32 sums differ in the last digits, so neighbours in rank may swap."""

ROUNDING: Final = 2e-5
"""Twice the bound on the rounding of a float32 inner product, relative to the norms (d up to 160)."""


def use_one_thread() -> None:
    """Keep FAISS on the calling thread: with more threads than free cores a 1 ms search takes 16."""
    faiss.omp_set_num_threads(1)


class FaissIndex:
    """Approximate candidates, exact order; built by `build`, memory-mapped by `load`."""

    def __init__(self, vectors: Vectors, index: Any, probes: int) -> None:
        self.exact = ExactIndex(vectors)
        self.probes = probes
        self._index = index
        self._longest = float(np.sqrt(np.vecdot(vectors, vectors).max(initial=0.0)))

    @classmethod
    def build(
        cls, vectors: Vectors, *, flat_limit: int = FLAT_LIMIT, probes: int = PROBES, seed: int = 0
    ) -> Self:
        """Index `vectors: float32[n, d]`, rows by item code.

        Above `flat_limit` items they go to about 4 √n inverted lists (k-means from `seed`), of which a search
        looks into the nearest `probes`. Raises InputError for vectors that are no finite matrix.
        """
        checked = ExactIndex(vectors).vectors
        count, size = checked.shape
        if count <= flat_limit:
            index = faiss.IndexFlatIP(size)
        else:
            lists = min(count, math.ceil(4 * math.sqrt(count)))
            index = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, lists, faiss.METRIC_INNER_PRODUCT)
            index.cp.seed = seed
            index.cp.min_points_per_centroid = 1
            index.train(checked)
        index.add(checked)
        return cls(checked, index, probes)

    def __len__(self) -> int:
        return len(self.exact)

    def search(self, queries: Vectors, k: int, mask: Mask | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.search`."""
        check_search(self.exact.vectors, queries, k, mask)
        if self._few_allowed(k, mask) or not len(queries):
            return self.exact.search(queries, k, mask)
        proposed = self._propose(np.ascontiguousarray(queries), k + SLACK, mask)
        scores, codes, unsure = self._decide(queries, proposed, k)
        for row in np.flatnonzero(unsure):
            scores[row], codes[row] = (part[0] for part in self.exact.search(queries[row : row + 1], k, mask))
        return scores, codes

    def save(self, folder: Path) -> None:
        """Write the vectors and the FAISS file into `folder`."""
        save_arrays(folder, vectors=self.exact.vectors, probes=np.array(self.probes))
        faiss.write_index(self._index, str(folder / "index.faiss"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map an index from `folder`; raises ReleaseCorrupt when it cannot be read."""
        vectors = load_array(folder, "vectors")
        try:
            index = faiss.read_index(str(folder / "index.faiss"), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise ReleaseCorrupt(f"'index.faiss' in {folder.name!r} cannot be read") from error
        if (index.ntotal, index.d) != vectors.shape:
            raise ReleaseCorrupt(f"'index.faiss' in {folder.name!r} does not fit its vectors")
        return cls(vectors, index, int(load_array(folder, "probes")))

    def _few_allowed(self, k: int, mask: Mask | None) -> bool:
        """Whether to search exactly: FAISS could not fill the proposals, or would lose recall."""
        if mask is None:
            return len(self) <= k + SLACK
        return int(np.count_nonzero(mask)) <= max(k + SLACK, EXACT_SHARE * len(self))

    def _propose(self, queries: Vectors, count: int, mask: Mask | None) -> Codes:
        """Codes int32[q, count] that FAISS finds best, each row ascending; -1 where it found fewer."""
        selector = None if mask is None else faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        if isinstance(self._index, faiss.IndexIVFFlat):
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=self.probes)
        else:
            parameters = faiss.SearchParameters(sel=selector)
        _, codes = self._index.search(queries, count, params=parameters)
        return np.sort(codes.astype(np.int32), axis=1)

    def _decide(self, queries: Vectors, proposed: Codes, k: int) -> tuple[Vectors, Codes, Mask]:
        """Order the proposals exactly, and say which rows may have missed an item that ties at the border."""
        exact = np.empty(proposed.shape, dtype=np.float32)
        for row, query in enumerate(queries):
            exact[row] = inner_products(self.exact.vectors[proposed[row]], query)
        exact[proposed < 0] = -np.inf
        order = np.argsort(-exact, axis=1, kind="stable")
        scores = np.take_along_axis(exact, order, axis=1)
        codes = np.take_along_axis(proposed, order, axis=1)
        margin = ROUNDING * self._longest * np.linalg.norm(queries, axis=1)
        unsure = ~(scores[:, -1] < scores[:, k - 1] - margin)
        return scores[:, :k].copy(), codes[:, :k].copy(), unsure
