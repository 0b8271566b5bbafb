"""Filters of requests, each evaluated once while what it reads does not change.

Invariants: a kept mask belongs to the values its fields had, promotions of the moment included; a filter that reads the
shopper is kept by what is left of it for that shopper. Memory is bounded, the longest unused mask goes first.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.catalogue import Catalogue
from recsys.expressions import Expression, fold_user
from recsys.expressions.fields import USER_PREFIX
from recsys.expressions.fold import fields
from recsys.item_set import ItemSet
from recsys.rules.masks import item_mask

__all__ = ["Filters"]

Flags = npt.NDArray[np.bool_]

_MOST_BYTES: Final = 64 * 2**20
_MOST: Final = 256
_FEWEST: Final = 4
_BYTES_EACH: Final = 6
"""Per item: two masks, and codes of those that both keep."""


@dataclass
class _Mask:
    state: Hashable
    flags: Flags
    kept: tuple[ItemSet, ItemSet] | None = None
    """A set, and those of it that the filter keeps."""


class Filters:
    """The masks of one catalogue; any number of threads may ask."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._masks: OrderedDict[_Asked, _Mask] = OrderedDict()
        self._same_for_all: dict[int, tuple[Expression, _Asked]] = {}
        self._lock = Lock()
        self._most = max(_FEWEST, min(_MOST, _MOST_BYTES // max(1, _BYTES_EACH * len(catalogue))))

    def flags(self, expression: Expression, user: Mapping[str, object], as_of: int) -> Flags:
        """bool[n]: the items that a filter keeps (see `item_mask`); only read."""
        return self._mask(expression, user, as_of).flags

    def among(
        self, pool: ItemSet, expression: Expression, user: Mapping[str, object], as_of: int
    ) -> tuple[Flags, ItemSet]:
        """The mask, and those of a set that it keeps: one object while neither changes, and so ready for searches."""
        mask = self._mask(expression, user, as_of)
        held = mask.kept
        if held is None or held[0] is not pool:
            held = mask.kept = pool, pool & mask.flags
        return mask.flags, held[1]

    def _mask(self, expression: Expression, user: Mapping[str, object], as_of: int) -> _Mask:
        asked = self._asked(expression, user)
        # The state is read before the values: a change in between makes the next call compute again.
        state = self._catalogue.state(asked.fields, as_of)
        mask = self._masks.get(asked)
        if mask is None or mask.state != state:
            mask = _Mask(state, item_mask(asked.expression, self._catalogue, as_of=as_of))
            mask.flags.setflags(write=False)
        with self._lock:
            self._masks[asked] = mask
            self._masks.move_to_end(asked)
            while len(self._masks) > self._most:
                self._masks.popitem(last=False)
        return mask

    def _asked(self, expression: Expression, user: Mapping[str, object]) -> "_Asked":
        """What is left of a filter for one shopper; the same object every time where it does not ask about shoppers.

        Shops send the same few filters again and again, and whoever parses them keeps the trees.
        """
        known = self._same_for_all.get(id(expression))
        if known is not None and known[0] is expression:
            return known[1]
        asked = _Asked(fold_user(expression, user))
        if not any(name.startswith(USER_PREFIX) for name in fields(expression)):
            if len(self._same_for_all) >= _MOST:
                self._same_for_all.clear()
            # The tree is kept with it: no other one can get its id meanwhile.
            self._same_for_all[id(expression)] = expression, asked
        return asked


class _Asked:
    """A folded filter as a key: its hash, for which the whole tree is walked, and its fields are found once."""

    __slots__ = ("_hash", "expression", "fields")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.fields = fields(expression)
        self._hash = hash(expression)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.expression == other.expression
