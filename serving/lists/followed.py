"""How far what lists show of prices and stock may trail the store: the time since everything there had been read.

Invariant: a read that left something behind, or failed, does not count.
"""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import cast

from feature_store.online.contract import ItemChange, ItemStore

__all__ = ["FollowedItems"]


class FollowedItems:
    """An ItemStore that notes when a follower had read all of it."""

    def __init__(self, store: ItemStore, seconds: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._seconds = seconds
        self._whole_at = -inf

    @property
    def lag_s(self) -> float:
        """Seconds since the follower knew everything; infinite before it ever did."""
        return self._seconds() - self._whole_at

    def as_store(self) -> ItemStore:
        """What a follower reads from: this, with every other method as the store has it."""
        return cast(ItemStore, self)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def catalogue_since(
        self, cursor: str, block_ms: int = 0, count: int = 1000
    ) -> tuple[str, list[ItemChange]] | None:
        """See ItemStore."""
        found = self._store.catalogue_since(cursor, block_ms, count)
        if found is not None and len(found[1]) < count:
            self._whole_at = self._seconds()
        return found
