"""What happens after an answer is sent: `served` events and pages to continue from, written by one thread.

Notes are gathered for some milliseconds and written in one round trip: their cost is on the same core as the answers'.

Invariants: nothing here delays or fails an answer; the queue is bounded, and what does not fit or cannot be written
is counted and dropped, since a lost `served` event costs a training row and a lost page one scroll.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, Protocol

import structlog

from recsys.errors import UnavailableError
from recsys.types import Event

__all__ = ["AfterAnswer", "AfterStore"]

_BATCH: Final = 100
_POLL_S: Final = 0.2
_GATHER_S: Final = 0.03
"""Well below the age up to which a missing page is waited for."""
_log: Final = structlog.get_logger(__name__)


class AfterStore(Protocol):
    """Where it is written to."""

    def note(self, pages: Sequence[tuple[str, bytes]], events: Sequence[Event]) -> None:
        """Keep pages `(recomm_id, payload)` and store events of the server; UnavailableError when that failed."""


_Page = tuple[str, bytes]
_Note = _Page | Callable[[], Event]


class AfterAnswer:
    """A queue and its thread. `start` before use, `close` writes what is left."""

    def __init__(self, store: AfterStore, capacity: int = 20_000) -> None:
        self._store = store
        # Its `put` takes no lock that the writing thread could hold while it waits for its turn.
        self._queue: SimpleQueue[_Note | threading.Event] = SimpleQueue()
        self._capacity = capacity
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="after-answer", daemon=True)
        self.dropped = 0
        """How many notes were lost so far."""

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self, patience_s: float = 5.0) -> None:
        """Write what is queued, for `patience_s` at most, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)

    def served(self, make: Callable[[], Event]) -> None:
        """Have a `served` event written; `make` is called by the writing thread, so that no answer waits for it."""
        self._put(make)

    def page(self, recomm_id: str, payload: bytes) -> None:
        """Have a page remembered."""
        self._put((recomm_id, payload))

    def flush(self, patience_s: float = 5.0) -> bool:
        """Wait until everything queued so far is written; False when that takes too long."""
        reached = threading.Event()
        self._queue.put(reached)
        return reached.wait(patience_s)

    def _put(self, note: _Note) -> None:
        if self._queue.qsize() >= self._capacity:
            self._lose(1, "the queue is full")
        else:
            self._queue.put(note)

    def _run(self) -> None:
        while not (self._stop.is_set() and self._queue.empty()):
            notes = self._take()
            self._write([note for note in notes if not isinstance(note, threading.Event)])
            for note in notes:
                if isinstance(note, threading.Event):
                    note.set()

    def _take(self) -> list[_Note | threading.Event]:
        notes: list[_Note | threading.Event] = []
        with suppress(Empty):
            notes.append(self._queue.get(timeout=_POLL_S))
            if self._queue.qsize() < _BATCH and not isinstance(notes[0], threading.Event):
                self._stop.wait(_GATHER_S)
            while len(notes) < _BATCH:
                notes.append(self._queue.get_nowait())
        return notes

    def _write(self, notes: Sequence[_Note]) -> None:
        if not notes:
            return
        try:
            pages = [note for note in notes if isinstance(note, tuple)]
            self._store.note(pages, [note() for note in notes if not isinstance(note, tuple)])
        except UnavailableError as error:
            self._lose(len(notes), str(error))
        except Exception:
            _log.exception("after_answer_failed")
            self._lose(len(notes), "an unexpected error")

    def _lose(self, count: int, reason: str) -> None:
        if self.dropped == 0 or self.dropped // 1000 != (self.dropped + count) // 1000:
            _log.warning("after_answer_dropped", total=self.dropped + count, reason=reason)
        self.dropped += count
