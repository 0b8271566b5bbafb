"""What the parts of the memory store share: a clock, a lock, and streams with the ids and the order of
Redis."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from feature_store.online.stream_ids import id_of, order_of

__all__ = ["Clock", "MemoryPart", "MemoryStream", "system_clock"]

_Value = TypeVar("_Value")
Clock = Callable[[], int]


def system_clock() -> int:
    """Now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


class MemoryStream(Generic[_Value]):
    """Entries in order of arrival; ids only ever grow, also after a trim."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[tuple[tuple[int, int], _Value]] = []
        self.last = (0, 0)
        self.trimmed = (0, 0)

    def append(self, value: _Value) -> None:
        """Add at the end."""
        ms = max(self._clock(), self.last[0])
        self.last = (ms, self.last[1] + 1 if ms == self.last[0] else 0)
        self._entries.append((self.last, value))

    def after(self, stream_id: str, count: int) -> list[tuple[str, _Value]]:
        """At most `count` entries behind `stream_id`."""
        start = order_of(stream_id)
        return [(id_of(order), value) for order, value in self._entries if order > start][:count]

    def trim(self, upto: tuple[int, int]) -> None:
        """Drop entries up to and including `upto`."""
        gone = [order for order, _ in self._entries if order <= upto]
        if gone:
            self.trimmed = gone[-1]
            del self._entries[: len(gone)]

    def first(self) -> tuple[int, int] | None:
        """The id of the oldest entry."""
        return self._entries[0][0] if self._entries else None

    def __len__(self) -> int:
        return len(self._entries)


class MemoryPart:
    """One concern of the memory store. `changed` guards all state and wakes blocking readers."""

    def __init__(self, clock: Clock, history_length: int) -> None:
        self._clock = clock
        self._history_length = history_length
        self._changed = threading.Condition(threading.RLock())

    def _wait_for(self, something: Callable[[], bool], block_ms: int) -> None:
        if block_ms:
            self._changed.wait_for(something, block_ms / 1000)
