"""Keeps the loaded catalogues as of now: what changed since a release was made, and what was born.

Follows the catalogue stream of the online store and lays every change over each catalogue in use (the live release
and the one before, for rollback); of several changes of an item that are read together only the last counts.
Invariants: a catalogue joins only after it has caught up; a change reaches every catalogue that joined; while the store
is away the catalogues stay as they are and catch up afterwards.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import structlog

from feature_store.online.contract import Deleted, ItemChange, ItemStore
from recsys.errors import InputError, UnavailableError
from recsys.types import Item
from recsys.vocabulary import UNKNOWN, Vocabulary

__all__ = ["CatalogueFeed", "LiveCatalogue"]

_BLOCK_MS: Final = 500
_KEPT: Final = 2
_MOST_BORN: Final = 50_000
"""Newborns of a snapshot that are looked at, the newest: no release has room for more."""
_log: Final = structlog.get_logger(__name__)


class LiveCatalogue(Protocol):
    """What the feed needs of a catalogue."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Item ids by code."""

    def item(self, code: int) -> Item | None:
        """The item as it is."""

    @property
    def turned_away(self) -> int:
        """How often a newborn found no room."""

    def take(self, items: Iterable[Item]) -> list[InputError]:
        """Lay distinct items over what is there, new ones too; why some were refused."""

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
        _catch_up(catalogue, stored)
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
                _catch_up(catalogue, changes)
            self._cursor = cursor
        return len(changes)


def _apply(catalogue: LiveCatalogue, changes: Iterable[ItemChange]) -> None:
    latest = {_id(change): change for change in changes}
    for change in latest.values():
        if isinstance(change, Deleted):
            catalogue.remove(change.id)
    _take(catalogue, (change for change in latest.values() if isinstance(change, Item)))


def _catch_up(catalogue: LiveCatalogue, stored: Iterable[ItemChange]) -> None:
    """Lay a whole snapshot over a catalogue; where not all newborns have room, the newest are taken."""
    born: list[Item] = []
    _take(catalogue, _known_newer(catalogue, stored, born))
    born.sort(key=_born_at, reverse=True)
    newest: dict[str, Item] = {}
    for item in born[:_MOST_BORN]:
        newest.setdefault(item.item_id, item)  # a snapshot may name an item twice
    _take(catalogue, newest.values())


def _known_newer(catalogue: LiveCatalogue, stored: Iterable[ItemChange], born: list[Item]) -> Iterator[Item]:
    """The items that say something new of one that has a code; those without one go to `born`."""
    for change in stored:
        code = catalogue.vocabulary.code(_id(change))
        if isinstance(change, Deleted):
            known = None if code == UNKNOWN else catalogue.item(code)
            if known is not None and (known.updated_at or 0) < change.at:
                catalogue.remove(change.id)
        elif code == UNKNOWN:
            born.append(change)
            if len(born) > 2 * _MOST_BORN:
                born[:] = sorted(born, key=_born_at, reverse=True)[:_MOST_BORN]
        elif catalogue.item(code) != change:
            yield change


def _take(catalogue: LiveCatalogue, items: Iterable[Item]) -> None:
    before = catalogue.turned_away
    for error in catalogue.take(items):
        _log.warning("item_change_refused", reason=str(error))
    if catalogue.turned_away > before:
        _log.warning("items_wait_for_the_next_release", total=catalogue.turned_away)


def _id(change: ItemChange) -> str:
    return change.id if isinstance(change, Deleted) else change.item_id


def _born_at(item: Item) -> int:
    return item.updated_at or item.created_at or 0
