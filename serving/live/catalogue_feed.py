"""Keeps the loaded catalogues as of now: prices, stock and availability that changed since a release was made.

Follows the catalogue stream of the online store and lays every change over each catalogue in use (the live release
and the one before, for rollback). Invariants: a catalogue joins only after it has caught up; a change reaches every
catalogue that joined; while the store is away the catalogues stay as they are and catch up afterwards.
"""

import threading
from collections.abc import Iterable
from typing import Final, Protocol

import structlog

from feature_store.online.contract import Deleted, ItemChange, ItemStore
from recsys.errors import InputError, UnavailableError
from recsys.types import Item
from recsys.vocabulary import Vocabulary

__all__ = ["CatalogueFeed", "LiveCatalogue"]

_BLOCK_MS: Final = 500
_KEPT: Final = 2
_log: Final = structlog.get_logger(__name__)


class LiveCatalogue(Protocol):
    """What the feed needs of a catalogue."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Item ids by code."""

    def item(self, code: int) -> Item | None:
        """The item as it is."""

    def update(self, item: Item) -> bool:
        """Lay a newer version over an item."""

    def remove(self, item_id: str) -> bool:
        """Take an item out."""


class CatalogueFeed:
    """One follower per process. `adopt` and `step` may run in different threads."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store
        self._joined: list[LiveCatalogue] = []
        self._waiting: list[tuple[LiveCatalogue, int]] = []
        self._cursor: str | None = None
        self._lock = threading.Lock()

    @property
    def caught_up(self) -> bool:
        """Whether every adopted catalogue follows the stream."""
        return not self._waiting

    def adopt(self, catalogue: LiveCatalogue, changed_after: int) -> None:
        """Bring a release's catalogue up to date and keep it so, beside the one adopted before.

        `changed_after` (ms) is the time up to which the release itself knows every change. With the store away it
        stays as the release has it until `step` reaches the store again.
        """
        if any(known is catalogue for known in self._joined):
            return
        try:
            self._join(catalogue, changed_after)
        except UnavailableError as error:
            with self._lock:
                self._waiting = [*self._waiting, (catalogue, changed_after)][-_KEPT:]
            _log.warning("catalogue_not_current", reason=str(error))

    def step(self, block_ms: int = _BLOCK_MS) -> int:
        """Wait for changes and apply them; returns how many came.

        Raises:
            UnavailableError: the store is away.
        """
        for catalogue, changed_after in list(self._waiting):
            self._join(catalogue, changed_after)
        cursor = self._cursor
        if cursor is None:
            threading.Event().wait(block_ms / 1000)
            return 0
        found = self._store.catalogue_since(cursor, block_ms)
        if found is None:
            return self._start_over()
        following, changes = found
        with self._lock:
            for catalogue in self._joined:
                _apply(catalogue, changes)
            self._cursor = following
        return len(changes)

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop`; for a thread of its own."""
        while not stop.is_set():
            try:
                self.step()
            except UnavailableError:
                stop.wait(1.0)
            except Exception:
                _log.exception("catalogue_feed_failed")
                stop.wait(5.0)

    def _join(self, catalogue: LiveCatalogue, changed_after: int) -> None:
        """Catch up alone, then once more under the lock, so that nothing falls between."""
        cursor, stored = self._store.catalogue_snapshot(changed_after)
        _apply(catalogue, (change for change in stored if _is_newer(catalogue, change)))
        with self._lock:
            cursor = self._drain(catalogue, cursor)
            self._joined = [*self._joined, catalogue][-_KEPT:]
            self._waiting = [pair for pair in self._waiting if pair[0] is not catalogue]
            if self._cursor is None:
                self._cursor = cursor

    def _drain(self, catalogue: LiveCatalogue, cursor: str) -> str:
        while found := self._store.catalogue_since(cursor):
            cursor, changes = found
            if not changes:
                break
            _apply(catalogue, changes)
        return cursor

    def _start_over(self) -> int:
        """The stream has been trimmed past our place (a long absence): read everything again."""
        cursor, stored = self._store.catalogue_snapshot()
        changes = list(stored)
        with self._lock:
            for catalogue in self._joined:
                _apply(catalogue, (change for change in changes if _is_newer(catalogue, change)))
            self._cursor = cursor
        return len(changes)


def _apply(catalogue: LiveCatalogue, changes: Iterable[ItemChange]) -> None:
    for change in changes:
        try:
            if isinstance(change, Deleted):
                catalogue.remove(change.id)
            else:
                catalogue.update(change)
        except InputError as error:
            _log.warning("item_change_refused", reason=str(error))


def _is_newer(catalogue: LiveCatalogue, change: ItemChange) -> bool:
    """Whether a stored document says something the catalogue does not know; spares memory for all that does not."""
    code = catalogue.vocabulary.code(change.id if isinstance(change, Deleted) else change.item_id)
    if code < 0:
        return False
    known = catalogue.item(code)
    if isinstance(change, Deleted):
        return known is not None and (known.updated_at or 0) < change.at
    return known is None or known != change
