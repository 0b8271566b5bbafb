"""A vector index of a release and, beside it, the few vectors that came or changed since: one search over both.

Invariants: an item answers by its newest vector only; results are ordered as `VectorIndex` says; while nothing changed
a search costs what it cost without this.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.index import VectorIndex, padded
from recsys.retrieval.index_facts import Plan
from recsys.retrieval.scan_kernel import scan_some

__all__ = ["FreshRows", "LiveIndex"]

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Vectors = npt.NDArray[np.float32]

_NONE: Final = np.empty(0, np.int32)
_ROUNDING: Final = 1e-4
"""More than two ways of adding up a product of vectors of length 1 can differ by."""


class FreshRows:
    """Which rows of `vectors: float32[n + room, d]` an index over the first n of them does not know.

    One writer; readers never lock, and may see a vector the moment it is being replaced half old and half new.
    """

    def __init__(self, vectors: Vectors, released: int) -> None:
        self._rows = vectors
        self.vectors = vectors.view()
        """The same rows, only to be read."""
        self.vectors.setflags(write=False)
        self.released = released
        """Rows that the index knows."""
        self.codes: Codes = _NONE
        """int32[k], ascending; replaced as one, so that what was derived from it knows when it is old."""

    def put(self, codes: Codes, vectors: Vectors) -> None:
        """Set the vectors float32[c, d] of some items."""
        self._rows[codes] = vectors
        held = self.codes
        if len(codes) and (not len(held) or codes[0] > held[-1]) and (np.diff(codes) > 0).all():
            self.codes = np.concatenate((held, codes))  # births, one after the other
        elif not np.isin(codes, held).all():
            self.codes = np.union1d(held, codes).astype(np.int32)

    def split(self, allowed: Allowed) -> tuple[Allowed, Codes]:
        """What of the allowed the index may answer, and the released codes of its pool whose vectors it has not."""
        pool, codes = allowed.pool, self.codes
        if not len(codes) and len(pool.flags) <= self.released:
            return allowed, _NONE
        held = pool.memo.get(self)
        if held is None or held[0] is not codes:
            held = pool.memo[self] = codes, *self._split(pool, codes)
        return allowed.among(held[1]), held[2]

    def _split(self, pool: ItemSet, codes: Codes) -> tuple[ItemSet, Codes]:
        moved = codes[: np.searchsorted(codes, np.int32(min(self.released, len(pool.flags))))]
        if not len(moved):
            return pool.head(self.released), _NONE
        flags = pool.flags[: self.released].copy()
        flags[moved] = False
        return ItemSet(flags), moved[pool.flags[moved]]

    def newborns(self, query: Vectors, bar: float, allowed: Allowed) -> Codes:
        """Allowed codes of rows that joined, ascending: at least those whose product with the query reaches `bar`.

        One matrix product for all of them; it rounds otherwise than the search does, so the bar is held lower.
        """
        count = len(self.codes) - int(np.searchsorted(self.codes, np.int32(self.released)))
        if not count:
            return _NONE
        products = self.vectors[self.released : self.released + count] @ query
        codes = (np.flatnonzero(products >= bar - _ROUNDING) + self.released).astype(np.int32)
        return codes[allowed.test(codes)]


class LiveIndex:
    """A `VectorIndex` over all items there are now."""

    def __init__(self, index: VectorIndex, fresh: FreshRows) -> None:
        self.index = index
        self.fresh = fresh

    def __len__(self) -> int:
        return len(self.index)

    def plan(self, k: int, mask: Mask | Allowed | None = None) -> Plan:
        """As `VectorIndex.plan`: how the release's own items are searched."""
        return self.index.plan(k, None if mask is None else self.fresh.split(Allowed.of(mask))[0])

    def search(self, queries: Vectors, k: int, mask: Mask | Allowed | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.search`."""
        allowed = None if mask is None else Allowed.of(mask)
        return padded([self.nearest(query, k, allowed) for query in np.ascontiguousarray(queries)], k)

    def nearest(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.nearest`; without a mask items that joined are left out."""
        if allowed is None:
            allowed = Allowed.of(np.ones(self.fresh.released, np.bool_))
        known, moved = self.fresh.split(allowed)
        scores, codes = self.index.nearest(query, k, known)
        if not len(self.fresh.codes):
            return scores, codes
        bar = float(scores[-1]) if len(scores) >= k else -np.inf
        query = np.ascontiguousarray(query, np.float32)
        joined = self.fresh.newborns(query, bar, allowed)
        if not len(moved) and not len(joined):
            return scores, codes
        # Moved items have lower codes than newborns, so the two together ascend.
        near = np.concatenate((moved, joined)) if len(moved) else joined
        others, found = scan_some(self.fresh.vectors, near, allowed.hidden, query, k)
        values, items = np.concatenate((scores, others)), np.concatenate((codes, found))
        order = np.lexsort((items, -values))[:k]
        return values[order], items[order]
