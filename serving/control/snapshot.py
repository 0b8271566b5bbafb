"""A value read from the database, kept in memory and refreshed beside the request path.

Invariants: one refresh at a time; a failed refresh keeps the last value; a caller waits for a running refresh
no longer than `patience_s`, so that a database that hangs costs a request milliseconds, not seconds.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import structlog

from recsys.errors import UnavailableError

__all__ = ["Snapshot"]

T = TypeVar("T")
_NEVER: Final = float("-inf")
_FIRST_WAIT_S: Final = 10.0
_OLD_TTLS: Final = 10
_OLD_WAIT_S: Final = 2.0
# A read that hangs this long is left alone and another one is tried beside it.
_GIVE_UP_S: Final = 60.0
_log: Final = structlog.get_logger(__name__)


class Snapshot(Generic[T]):
    """The last good result of `load`, at most `ttl_s` old while the source answers.

    It is read again once half that time is over, so that under traffic nobody waits for it.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], T],
        ttl_s: float,
        patience_s: float = 0.05,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._load = load
        self._ttl_s = ttl_s
        self._patience_s = patience_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._value: T | None = None
        self._read_at = _NEVER
        self._tried_at = _NEVER
        self._generation = 0
        self._done = threading.Event()
        self._done.set()
        self.stale = False
        """True while the last refresh failed: what `get` returns may be older than `ttl_s`."""

    def get(self) -> T:
        """Return the value; the first call waits for it.

        Raises:
            UnavailableError: nothing was ever loaded and the source is away.
        """
        now = self._monotonic()
        age = now - self._read_at
        if age >= self._ttl_s / 2:
            self._start(now)
        if age >= self._ttl_s and not self._done.is_set():
            # Whoever asks while a refresh runs shares one short wait, counted from the start of the refresh.
            # A value that is long past its time is worth a longer wait, unless the source is known to be away.
            old = age >= _OLD_TTLS * self._ttl_s and not self.stale
            left = (_OLD_WAIT_S if old else self._patience_s) - (now - self._tried_at)
            self._done.wait(max(0.0, left) if self._read_at != _NEVER else _FIRST_WAIT_S)
        if self._read_at == _NEVER:
            raise UnavailableError(f"{self._name} could not be read; is the database reachable?")
        return self._value  # type: ignore[return-value]

    def at_hand(self) -> T | None:
        """The value where `get` would not wait for it, else None; for an event loop."""
        if self._monotonic() - self._read_at >= self._ttl_s:
            return None
        return self.get()

    def refresh(self) -> T:
        """Read the source now, in this thread: for the process that has just changed it.

        Raises:
            Exception: whatever the source raises.
        """
        read_at = self._monotonic()
        value = self._load()
        with self._lock:
            self._generation += 1
            self._keep(value, read_at)
        return value

    def _start(self, now: float) -> None:
        with self._lock:
            since = now - self._tried_at
            if since < self._ttl_s / 2 or (not self._done.is_set() and since < _GIVE_UP_S):
                return
            # In this order: a reader without the lock that sees the new time also sees the new event.
            self._done = done = threading.Event()
            self._tried_at = now
            arguments = (done, now, self._generation)
        threading.Thread(target=self._try, args=arguments, name=f"refresh-{self._name}", daemon=True).start()

    def _try(self, done: threading.Event, read_at: float, generation: int) -> None:
        try:
            value = self._load()
            with self._lock:
                # What `refresh` put here meanwhile is newer than what this thread began to read.
                if generation == self._generation:
                    self._keep(value, read_at)
        except Exception as error:
            self.stale = True
            _log.warning("snapshot_refresh_failed", snapshot=self._name, error=type(error).__name__)
        finally:
            done.set()

    def _keep(self, value: T, read_at: float) -> None:
        self._value = value
        self._read_at = read_at
        self.stale = False
