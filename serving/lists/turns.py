"""Whose list is made when: one at a time in the event loop.

A list is about a millisecond of computing, so threads would only take the interpreter from each other; in the loop
one list is made per turn of the loop, and between two of them everything that arrived is read. What waits therefore
stands in this queue and not in sockets, and is bounded: by count, and by the time it is expected to wait. Who waits for
something else first, as for Redis, counts as waiting from the beginning.

Invariants: first come, first served, but for parts of one answer; no more than `length` lists wait; past that bound at
most `surplus` prepared lists are given out per list made. While lists wait, refusing others takes no more than a fifth
of the time: a turn that followed on much refusing makes several lists. Methods are for the event loop's thread.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, TypeVar

from serving.observability import Metrics

__all__ = ["QueueLimits", "Turns"]

P = TypeVar("P")
T = TypeVar("T")
_MEMORY: Final = 0.9
_SHARE: Final = 4.0
"""Time for lists per time for everything else, while lists wait."""
_LONGEST_S: Final = 0.008
"""Of one turn: who arrives meanwhile is not even read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """How much may wait."""

    length: int = 64
    """Lists."""
    wait_ms: float = 25.0
    """As expected from what lists took lately."""
    surplus: float = 0.2
    """Prepared lists given out, per list that is made, to what does not fit."""


@dataclass(slots=True)
class _Waiting:
    future: asyncio.Future[Any]
    work: Callable[[], Any]
    context: Context
    since: float


class Turns:
    """A queue of lists."""

    def __init__(self, metrics: Metrics, limits: QueueLimits) -> None:
        self._metrics = metrics
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._coming = 0
        """How many wait for what they need before they can take their turn."""
        self._running = False
        self._usual_s = 0.0
        self._most_surplus = max(1.0, limits.surplus) if limits.surplus > 0 else 0.0
        self._surplus_left = self._most_surplus
        self._ended = 0.0
        """When the last turn of the event loop ended; the next one is due at once, so all time since was work."""

    @property
    def waiting(self) -> int:
        """Lists that wait for their turn, or for what they need before."""
        return len(self._queue) + self._coming

    @property
    def full(self) -> bool:
        """Whether one more would be too many, or would wait too long."""
        waiting = len(self._queue) + self._coming
        # While none is made, one of those who come need not wait.
        places = self._limits.length + (0 if self._running else 1)
        return waiting >= places or waiting * self._usual_s * 1000 > self._limits.wait_ms

    @property
    def spare(self) -> bool:
        """Whether one of what does not fit may have a prepared list."""
        return self._surplus_left >= 1

    def take_surplus(self) -> bool:
        """Take a prepared list; False when they are used up for now."""
        if not self.spare:
            return False
        self._surplus_left -= 1
        return True

    async def run_with(self, need: Awaitable[P], work: Callable[[P], T]) -> T:
        """Do `work` with what it needs when that is there and it is its turn; raises what either raises."""
        self._coming += 1
        try:
            given = await need
        finally:
            self._coming -= 1
        return await self.run(lambda: work(given))

    async def run(self, work: Callable[[], T], *, goes_on: bool = False) -> T:
        """Do `work` when it is its turn; raises what it raises.

        What `goes_on` with an answer that was begun lets one other pass and comes next: neither does a long answer
        hold up everybody, nor does it start anew at the end of the queue with each of its parts.
        """
        if self._running:
            return await self._later(work, goes_on=goes_on)
        self._running = True
        self._metrics.waited(0.0)
        started = perf_counter()
        try:
            return work()
        finally:
            self._ended = perf_counter()
            self._learn(self._ended - started)
            self._allow(1)
            asyncio.get_running_loop().call_soon(self._turn)

    async def _later(self, work: Callable[[], T], *, goes_on: bool) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(future, work, copy_context(), perf_counter())
        if goes_on:
            self._queue.insert(1, waiting)
        else:
            self._queue.append(waiting)
        return await future

    def _turn(self) -> None:
        """Make the lists of those who have waited longest; without any, whoever comes next is served at once."""
        began = perf_counter()
        elsewhere_s = began - self._ended
        until = began + min(elsewhere_s * _SHARE, _LONGEST_S)
        made = 0
        while (waiting := self._first()) is not None:
            _settle(waiting)
            made += 1
            if perf_counter() >= until:
                break
        self._allow(made)
        self._ended = perf_counter()
        if made:
            self._learn((self._ended - began + elsewhere_s) / made)
            # Behind the waiting callers' own wake-up, so that their answers leave before more lists are made.
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._running = False

    def _first(self) -> _Waiting | None:
        """Take who has waited longest out of the queue; callers that have gone are passed over."""
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.future.cancelled():
                self._metrics.waited(perf_counter() - waiting.since)
                return waiting
        return None

    def _allow(self, made: int) -> None:
        """Allow for what does not fit what lists that were made earn it."""
        self._surplus_left = min(self._most_surplus, self._surplus_left + made * self._limits.surplus)

    def _learn(self, seconds: float) -> None:
        """Take what one list took, with what was done between, into the average."""
        self._usual_s = _MEMORY * self._usual_s + (1 - _MEMORY) * seconds


def _settle(waiting: _Waiting) -> None:
    """Do the work and tell the one who waits."""
    try:
        result = waiting.context.run(waiting.work)
    except Exception as error:
        waiting.future.set_exception(error)
    else:
        waiting.future.set_result(result)
