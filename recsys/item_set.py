"""A set of items by code as flags, and what searches derive from it, made once however many ask.

Invariants: nobody writes into the flags of a set; every other attribute follows from them. Two threads may derive the
same thing at once, and both get it right.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["ItemSet"]

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ItemSet:
    """The codes whose place in `flags: bool[n]` is true."""

    flags: Flags
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    """What an index derived from this set, by whatever it chooses as a key."""

    @classmethod
    def of(cls, codes: Codes, size: int) -> Self:
        """The given codes among `size` items."""
        flags = np.zeros(size, np.bool_)
        flags[codes] = True
        return cls(flags)

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self.flags))

    @cached_property
    def codes(self) -> Codes:
        """int32[count], ascending."""
        return np.flatnonzero(self.flags).astype(np.int32)

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """uint8[⌈n / 8⌉], the lowest bit of a byte first."""
        return np.packbits(self.flags, bitorder="little")

    def __len__(self) -> int:
        return self.count

    def __and__(self, flags: Flags) -> "ItemSet":
        """What both have; flags of items that joined since count for nothing."""
        return ItemSet(self.flags & flags[: len(self.flags)])

    def head(self, rows: int) -> "ItemSet":
        """Those among the first `rows` items, one set however often it is asked for."""
        if len(self.flags) <= rows:
            return self
        held = self.memo.get(("head", rows))
        if held is None:
            held = self.memo["head", rows] = ItemSet(self.flags[:rows])
        return held
