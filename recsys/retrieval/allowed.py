"""What may be shown in one request: a set shared by many requests, less the few items that this one leaves out.

Nothing here passes over the catalogue: candidates are looked up, and what a search needs of the shared set (its codes,
its bits) was made once (`recsys.item_set`).
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.item_set import ItemSet
from recsys.retrieval.choice_kernel import best_of, drop_bits, first_of, hidden_of, may_show

__all__ = ["Allowed"]

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]

_NONE: Final = np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Allowed:
    """The items of `pool` that are not in `hidden`."""

    pool: ItemSet
    hidden: Codes = field(default_factory=lambda: _NONE)
    """Distinct members of the pool, ascending."""

    @classmethod
    def of(cls, given: "Allowed | Flags") -> "Allowed":
        """From a mask bool[n], or what is already one."""
        return given if isinstance(given, Allowed) else cls(ItemSet(np.ascontiguousarray(given)))

    def __len__(self) -> int:
        return self.pool.count - len(self.hidden)

    @property
    def size(self) -> int:
        """Items of the catalogue, allowed or not."""
        return len(self.pool.flags)

    @property
    def share(self) -> float:
        """Of all items; 1 of none."""
        return len(self) / self.size if self.size else 1.0

    def test(self, codes: Codes) -> Flags:
        """Which of some codes are allowed, bool[c]."""
        return may_show(codes, self.pool.flags, self.hidden)

    def first(self, order: Codes, most: int) -> Codes:
        """The first `most` allowed of an order."""
        return first_of(order, most, self.pool.flags, self.hidden)

    def best(self, codes: Codes, values: Values, most: int) -> Codes:
        """The `most` best allowed of distinct scored codes, best first, equal ones by code."""
        return best_of(codes, values, most, self.pool.flags, self.hidden)

    def without(self, codes: Codes) -> Self:
        """These less some codes."""
        if not len(codes):
            return self
        gone = np.ascontiguousarray(codes, np.int32)
        both = np.concatenate((self.hidden, gone)) if len(self.hidden) else gone
        return type(self)(self.pool, hidden_of(both, self.pool.flags))

    def among(self, pool: ItemSet) -> Self:
        """These as far as they are in another pool, which lies within this one's."""
        return type(self)(pool, hidden_of(self.hidden, pool.flags))

    def only(self, codes: Codes) -> Self:
        """Those of these that are among some codes."""
        found = np.ascontiguousarray(codes, np.int32)
        return type(self)(ItemSet.of(found[self.test(found)], self.size))

    def codes(self) -> Codes:
        """int32[len], ascending."""
        found = self.pool.codes
        return found if not len(self.hidden) else found[~np.isin(found, self.hidden, assume_unique=True)]

    def flags(self) -> Flags:
        """bool[n], the caller's own."""
        flags = self.pool.flags.copy()
        flags[self.hidden] = False
        return flags

    def bits(self) -> npt.NDArray[np.uint8]:
        """The flags packed, lowest bit first; only read."""
        return drop_bits(self.pool.bits, self.hidden) if len(self.hidden) else self.pool.bits
