"""Numbers that several processes count and each of them can read: one memory, a page of it for each writer.

The memory is made before processes are forked, so whoever is forked later, a successor of a dead worker too, sees the
same pages. Nothing is written to disk and no lock crosses processes: a page has one writer at a time, its numbers are
eight aligned bytes each, and what is read is at most one observation behind.

Layout of a page, in words of 8 bytes: the number of words in use after this one; then entries, each of a head (bytes of
the key | cells << 32), the key in UTF-8 and the cells as doubles.
Invariants: an entry never moves and is never taken out, so that whoever takes a page over goes on counting where the
one before ended; the first word grows only after an entry is whole.
"""

import mmap
from collections.abc import Iterator
from threading import Lock
from typing import TYPE_CHECKING, Final

import structlog

__all__ = ["Board", "Cells", "Page"]

if TYPE_CHECKING:
    Cells = memoryview[float]
else:
    Cells = memoryview
_ROOM: Final = 1 << 20
_WORD: Final = 8
_KEY: Final = (1 << 32) - 1
_log: Final = structlog.get_logger(__name__)


class Page:
    """What one worker counts; any number of threads of its process may use it."""

    def __init__(self, memory: memoryview) -> None:
        self._bytes = memory
        self._words = memory.cast("Q")
        self._numbers = memory.cast("d")
        self._lock = Lock()
        self._known = dict(self.entries())

    def cells(self, key: str, count: int) -> Cells:
        """The numbers under a key, zeros at its first use.

        A page that is full gives cells that only this process sees: a metric is lost, a request is not.
        """
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = self._append(key.encode(), count)
            return found

    def entries(self) -> Iterator[tuple[str, Cells]]:
        """Every key and its numbers, which go on changing."""
        place, end = 1, 1 + self._words[0]
        while place < end:
            length, count = self._words[place] & _KEY, self._words[place] >> 32
            key = bytes(self._bytes[(place + 1) * _WORD : (place + 1) * _WORD + length]).decode()
            first = place + 1 + _words_of(length)
            place = first + count
            yield key, self._numbers[first:place]

    def _append(self, key: bytes, count: int) -> Cells:
        place = 1 + self._words[0]
        first = place + 1 + _words_of(len(key))
        if first + count > len(self._words):
            _log.error("metrics_page_full", key=key.decode())
            return memoryview(bytearray(count * _WORD)).cast("d")
        self._bytes[(place + 1) * _WORD : (place + 1) * _WORD + len(key)] = key
        self._words[place] = len(key) | count << 32
        self._words[0] = first + count - 1
        return self._numbers[first : first + count]


class Board:
    """The memory: `workers` pages of `room` bytes, of which only what is used costs anything."""

    def __init__(self, workers: int = 1, room: int = _ROOM) -> None:
        self._memory = memoryview(mmap.mmap(-1, workers * room))
        self._room = room
        self.workers = workers

    def page(self, worker: int) -> Page:
        """The page of a worker, counted from 1, as it is now."""
        return Page(self._memory[(worker - 1) * self._room : worker * self._room])

    def read(self) -> list[dict[str, list[float]]]:
        """The numbers of every worker by key."""
        pages = (self.page(number) for number in range(1, self.workers + 1))
        return [{key: list(cells) for key, cells in page.entries()} for page in pages]


def _words_of(length: int) -> int:
    return -(-length // _WORD)
