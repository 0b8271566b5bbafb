"""The filters of one request, in order, and what each took out: counted from what they name, not over the catalogue.

Invariant: every catalogue item is in exactly one bucket: that of the first filter that stops it, or of what is left.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.index_facts import Plan

__all__ = ["Gates"]

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

FILTERED: Final = "filtered"


@dataclass(frozen=True)
class _Gate:
    after: Allowed
    passes: Callable[[], Flags]


class Gates(Mapping[str, Flags]):
    """What may pass each filter, bool[n] by filter name; a mask is made when somebody looks at it."""

    def __init__(self, eligible: ItemSet) -> None:
        self._gates = {"ineligible": _Gate(Allowed(eligible), lambda: eligible.flags)}
        self._size = len(eligible.flags)
        self.allowed = Allowed(eligible)
        """What passes all of them."""
        self.plans: dict[str, Plan] = {}
        """How each vector source searched for this request."""

    def __len__(self) -> int:
        return len(self._gates)

    def __iter__(self) -> Iterator[str]:
        return iter(self._gates)

    def __getitem__(self, name: str) -> Flags:
        return self._gates[name].passes()

    @property
    def counts(self) -> dict[str, int]:
        """Items by the filter that took them out, in order; `len(allowed)` is what is left."""
        left, counts = self._size, {}
        for name, gate in self._gates.items():
            counts[name] = left - len(gate.after)
            left = len(gate.after)
        return counts

    def stage(self, code: int) -> str | None:
        """The filter that took an item out; None when it may be shown."""
        one = np.array([code], np.int32)
        return next((name for name, gate in self._gates.items() if not gate.after.test(one)[0]), None)

    def emptied_by_filter(self) -> bool:
        """Whether nothing may be shown, and something might without the filter."""
        if FILTERED not in self._gates or len(self.allowed):
            return False
        return bool(np.logical_and.reduce([self[name] for name in self if name != FILTERED]).any())

    def hide(self, name: str, codes: Codes) -> None:
        """Take some codes out."""

        def passes() -> Flags:
            flags = np.ones(self._size, np.bool_)
            flags[codes] = False
            return flags

        self._add(name, self.allowed.without(codes), passes)

    def keep(self, name: str, codes: Codes) -> None:
        """Take all but some codes out."""
        self._add(name, self.allowed.only(codes), lambda: ItemSet.of(codes, self._size).flags)

    def filter(self, flags: Flags, kept: ItemSet) -> None:
        """Apply the caller's filter; `kept` are the eligible items it keeps."""
        self._add(FILTERED, self.allowed.among(kept), lambda: flags[: self._size])

    def _add(self, name: str, after: Allowed, passes: Callable[[], Flags]) -> None:
        self._gates[name] = _Gate(after, passes)
        self.allowed = after
