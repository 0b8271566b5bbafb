"""Keeps a store that went silent from being asked again and again: after one failed read lists go on without it.

Invariants: once a read fails no request waits for the store until a read beside the requests has come back; there is
at most one such read at a time.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from recsys.errors import UnavailableError

__all__ = ["Breaker"]

T = TypeVar("T")
_PAUSE_S: Final = 1.0
_log: Final = structlog.get_logger(__name__)


class Breaker:
    """Runs reads until one fails, then refuses them until the store answers again."""

    def __init__(self, pause_s: float = _PAUSE_S) -> None:
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._open = False
        self._closing = threading.Event()

    @property
    def open(self) -> bool:
        """Whether reads are refused."""
        return self._open

    def read(self, work: Callable[[], T]) -> T:
        """What `work` reads.

        Raises:
            UnavailableError: it failed now, or another read failed and the store has not come back yet.
        """
        if self._open:
            raise UnavailableError("the online store did not answer a moment ago; reads resume when it does")
        try:
            return work()
        except UnavailableError as error:
            self.trip(work, str(error))
            raise

    def close(self) -> None:
        """Stop looking for the store."""
        self._closing.set()

    def trip(self, work: Callable[[], object], reason: str) -> None:
        """Note that a read failed; `work` is repeated until it succeeds."""
        with self._lock:
            if self._open:
                return
            self._open = True
        _log.warning("online_reads_stopped", reason=reason)
        threading.Thread(target=self._probe, args=(work,), name="probe-store", daemon=True).start()

    def _probe(self, work: Callable[[], object]) -> None:
        """Repeat the read that failed until it succeeds."""
        while not self._closing.wait(self._pause_s):
            try:
                work()
            except UnavailableError:
                continue
            except Exception:
                # Whatever is wrong with this one read, the store answered.
                _log.exception("online_probe_failed")
            self._open = False
            _log.info("online_reads_resumed")
            return
