"""Inverted lists: vectors by cluster, of which a search reads the nearest (Sivic and Zisserman, "Video Google: A Text
Retrieval Approach to Object Matching in Videos", ICCV 2003; Jégou, Douze, Schmid, "Product Quantization for Nearest
Neighbor Search", TPAMI 33, 2011, §4).

Within the lists that are read the answers are those of `ExactIndex`, ties included. A filter that leaves the shopper's
corner of the space out moves on to the nearest lists that hold any allowed item; k items come whenever k are allowed.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.byte_kernel import Clusters, Gate, Rows, held_of, places_of, scan_chosen, scan_lists
from recsys.retrieval.byte_rows import ByteRows

__all__ = ["Lists"]

Codes = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]

_ALL: Final[Gate] = np.empty(0, np.bool_), np.empty(0, np.int32)
_NO_LENGTHS: Final = np.empty(0, np.float32)
_NONE: Final = np.empty(0, np.int32)
_CENTRES: Final = "centres"
_NEARLY_ALL: Final = 0.9
"""Allowed share from which a search reads as many lists as one without a filter."""


@dataclass(frozen=True, eq=False)
class Lists:
    """n vectors of size d by list, as bytes, and whose each is."""

    vectors: Vectors
    """float32[n, d], by item code."""
    codes: Codes
    """int32[n]: items list by list, ascending within one."""
    starts: npt.NDArray[np.int64]
    """int64[l + 1]: where each list begins."""
    rounded: ByteRows
    """In the order of `codes`."""
    centres: ByteRows
    """Of the lists."""

    @classmethod
    def of(cls, vectors: Vectors, seed: int) -> Self:
        """Cluster `vectors: float32[n, d]`, rows by item code."""
        from recsys.retrieval.clusters import clusters  # who only searches need not load FAISS

        count = max(1, min(len(vectors), math.ceil(2 * math.sqrt(len(vectors)))))
        if not len(vectors):
            centres, owner = np.zeros((1, vectors.shape[1]), np.float32), np.empty(0, np.int64)
        else:
            centres, owner = clusters(vectors, count, seed)
        codes = np.argsort(owner, kind="stable").astype(np.int32)
        starts = np.searchsorted(owner[codes], np.arange(count + 1)).astype(np.int64)
        centre_rows = ByteRows.of(centres, np.arange(count, dtype=np.int32))
        return cls(vectors, codes, starts, ByteRows.of(vectors, codes), centre_rows)

    def __len__(self) -> int:
        """The number l of lists."""
        return len(self.starts) - 1

    def search(
        self, query: Vectors, k: int, probes: tuple[int, int], allowed: Allowed | None = None
    ) -> tuple[Vectors, Codes]:
        """At most k best of the nearest lists for one query float32[d]: scores and codes, best first.

        `probes` are the lists to be read, and the mean lists' worth of allowed items to be met behind a filter.
        """
        scores, codes, _ = self._scan(query, k, probes, allowed)
        return scores, codes

    def compared(self, query: Vectors, k: int, probes: int) -> int:
        """How many vectors a search without a filter looks at, centres included."""
        return self._scan(query, k, (probes, probes), None)[2] + len(self)

    def among(self, query: Vectors, k: int, allowed: Allowed) -> tuple[Vectors, Codes]:
        """As `search` through all lists, looking at the allowed rows only: for few of them."""
        return scan_chosen(self._rows, self._places(allowed.pool), _NO_LENGTHS, allowed.hidden, query, k)

    def _scan(
        self, query: Vectors, k: int, probes: tuple[int, int], allowed: Allowed | None
    ) -> tuple[Vectors, Codes, int]:
        gate = _ALL if allowed is None else (allowed.pool.flags, allowed.hidden)
        least, filtered = probes
        held, enough = _NONE, 0.0
        if allowed is not None and allowed.share < _NEARLY_ALL:
            held, enough = self._held(allowed.pool), filtered * len(self.codes) / len(self)
        return scan_lists(self._rows, self._clusters, gate, held, query, k, least, enough)

    @property
    def _rows(self) -> Rows:
        return self.rounded.numbers, self.rounded.scales, self.codes, self.vectors

    @property
    def _clusters(self) -> Clusters:
        return self.centres.numbers, self.centres.scales, self.starts

    def _held(self, pool: ItemSet) -> Codes:
        """int32[l]: the items of a set by list; kept with the set."""
        held = pool.memo.get((self, "held"))
        if held is None:
            held = pool.memo[self, "held"] = held_of(self.codes, pool.flags, self.starts)
        return held

    def _places(self, pool: ItemSet) -> Codes:
        """int32[count]: where the items of a set stand, ascending; kept with the set."""
        places = pool.memo.get((self, "places"))
        if places is None:
            places = pool.memo[self, "places"] = places_of(self.codes, pool.flags, pool.count)
        return places

    def save(self, folder: Path) -> None:
        """Write the arrays beside the vectors."""
        save_arrays(folder, codes=self.codes, starts=self.starts)
        self.rounded.save(folder)
        self.centres.save(folder / _CENTRES)

    @classmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Map what `save` wrote; ReleaseCorrupt when it does not fit the vectors."""
        codes, starts = load_array(folder, "codes"), load_array(folder, "starts")
        if codes.shape != vectors.shape[:1] or not len(starts) or starts[-1] != len(codes):
            raise ReleaseCorrupt(f"the index in {folder.name!r} does not fit its vectors")
        centres = ByteRows.load(folder / _CENTRES, (len(starts) - 1, vectors.shape[1]))
        return cls(vectors, codes, starts, ByteRows.load(folder, vectors.shape), centres)
