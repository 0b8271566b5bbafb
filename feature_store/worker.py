"""The worker: moves acknowledged events and catalogue changes from Redis to Parquet, then trims what it
has moved.

Exactly once: it starts again at the oldest entry that Redis still holds, the log skips what it has, and an
entry is trimmed only after its file is written. So it may be killed at any moment. One worker per home
folder. When Redis or the disk is away it waits, says so once, and goes on.
"""

import fcntl
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from feature_store.errors import BusyError
from feature_store.history import Deletion, History, item_history, user_history
from feature_store.log import EventLog
from feature_store.log.parts import DAY
from feature_store.online.contract import Deleted, OnlineStore
from feature_store.online.memory_stream import Clock, system_clock
from recsys.errors import UnavailableError
from recsys.types import Event, Item, User

__all__ = ["Destinations", "Pace", "Worker", "only_worker"]

_log = logging.getLogger(__name__)
_Thing = TypeVar("_Thing", Item, User)


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where the worker writes."""

    log: EventLog
    items: History[Item]
    users: History[User]

    @classmethod
    def of(cls, home: Path) -> "Destinations":
        """The log and the histories of a home folder."""
        return cls(EventLog(home / "events"), item_history(home), user_history(home))


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the worker writes: small files cost later, waiting costs freshness of the log only."""

    flush_s: float = 5.0
    batch: int = 5000
    poll_s: float = 0.25
    longest_wait_s: float = 5.0
    flushes_per_merge: int = 50


class Worker:
    """Drains one online store into one home folder."""

    def __init__(
        self,
        store: OnlineStore,
        destinations: Destinations,
        pace: Pace | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._store = store
        self._to = destinations
        self._pace = pace or Pace()
        self._clock = clock
        self._flushes: Counter[int] = Counter()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then write what is left and return."""
        wait, flushed = self._pace.poll_s, float("-inf")
        while not stop.is_set():
            try:
                if time.monotonic() - flushed >= self._pace.flush_s or self._is_full():
                    self.drain()
                    flushed = time.monotonic()
                if wait > self._pace.poll_s:
                    _log.info("the worker goes on")
                wait = self._pace.poll_s
            except (UnavailableError, OSError) as error:
                if wait <= self._pace.poll_s:
                    _log.warning("the worker waits: %s", error)
                wait = min(wait * 2, self._pace.longest_wait_s)
            stop.wait(wait)
        self._last_drain()

    def _is_full(self) -> bool:
        return self._store.backlog().length >= self._pace.batch

    def _last_drain(self) -> None:
        try:
            self.drain()
        except (UnavailableError, OSError) as error:
            _log.warning("the worker stops with entries left, which the next one will write: %s", error)

    def drain(self) -> int:
        """Write everything there is; returns the number of entries."""
        return (
            self._repeat(self._drain_events)
            + self._repeat(self._drain_items)
            + self._repeat(self._drain_users)
        )

    def _repeat(self, drain: Callable[[], int]) -> int:
        total = 0
        while count := drain():
            total += count
            if count < self._pace.batch:
                break
        return total

    def _drain_events(self) -> int:
        entries = self._store.read_stream("0", self._pace.batch)
        if entries:
            self._to.log.write_stream_batch(entries)
            self._store.trim_stream(entries[-1][0])
            self._merge_days(entries)
        return len(entries)

    def _merge_days(self, entries: Sequence[tuple[str, Event]]) -> None:
        self._flushes.update({event.timestamp // DAY for _, event in entries})
        for day, flushes in list(self._flushes.items()):
            if flushes >= self._pace.flushes_per_merge:
                self._to.log.compact(day)
                del self._flushes[day]

    def _drain_items(self) -> int:
        written = self._store.item_changes_written()
        changes = self._store.read_item_changes(written, self._pace.batch)
        if changes:
            written = changes[-1][0]
            self._to.items.record([_recordable(change) for _, change in changes], self._clock())
        if written != "0":
            self._store.commit_item_changes(written, self._clock())
        return len(changes)

    def _drain_users(self) -> int:
        changes = self._store.read_user_changes("0", self._pace.batch)
        if changes:
            self._to.users.record([_recordable(change) for _, change in changes], self._clock())
            self._store.commit_user_changes(changes[-1][0])
        return len(changes)


def _recordable(change: _Thing | Deleted) -> _Thing | Deletion:
    return Deletion(change.id, change.at) if isinstance(change, Deleted) else change


@contextmanager
def only_worker(home: Path) -> Iterator[None]:
    """Be the one worker of `home`; BusyError when there is one already. Ends with the process, however it
    ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "worker.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"a worker is running for {str(home)!r} already; stop it first") from None
        yield
