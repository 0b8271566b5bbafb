"""Whose list is made when: one at a time in the event loop, or in a few threads where Redis is far away.

A list is about a millisecond of computing, so threads would only take the interpreter from each other; in the loop
one list is made per turn of the loop, and between two of them everything that arrived is read. What waits therefore
stands in this queue and not in sockets, and is bounded: by count, and by the time it is expected to wait.

Invariants: first come, first served; no more than `length` lists wait; past that bound at most `surplus` cheap
answers are given out per turn. While lists wait, refusing others takes no more than a fifth of the time: a turn that
followed on much refusing makes several lists. Methods are for the event loop's thread.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, TypeVar

from serving.observability import Metrics

__all__ = ["QueueLimits", "Turns"]

T = TypeVar("T")
_MEMORY: Final = 0.9
_SHARE: Final = 4.0
"""Time for lists per time for everything else, while lists wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """How much may wait."""

    length: int = 64
    """Lists."""
    wait_ms: float = 25.0
    """As expected from what lists took lately."""
    surplus: int = 16
    """Prepared lists given out per turn to what does not fit."""


@dataclass(slots=True)
class _Waiting:
    future: asyncio.Future[Any]
    work: Callable[[], Any]
    context: Context
    since: float


class Turns:
    """A queue of lists; `threads` 0 makes them in the event loop."""

    def __init__(self, metrics: Metrics, limits: QueueLimits, threads: int = 0) -> None:
        self._metrics = metrics
        self._limits = limits
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "lists") if threads else None
        self._queue: deque[_Waiting] = deque()
        self._running = 0
        self._usual_s = 0.0
        self._surplus_left = limits.surplus
        self._ended = 0.0
        """When the last turn of the event loop ended; the next one is due at once, so all time since was work."""

    @property
    def full(self) -> bool:
        """Whether one more would be too many, or would wait too long."""
        waiting = len(self._queue)
        expected_s = waiting * self._usual_s / max(1, self._threads)
        return waiting >= self._limits.length or expected_s * 1000 > self._limits.wait_ms

    def take_surplus(self) -> bool:
        """Take one of this turn's cheap answers; False when they are used up."""
        if self._surplus_left <= 0:
            return False
        self._surplus_left -= 1
        return True

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` when it is its turn; raises what it raises."""
        if self._running < max(1, self._threads):
            self._running += 1
            self._metrics.waited(0.0)
            return self._inline(work) if self._pool is None else await self._in_thread(copy_context(), work)
        return await self._later(work)

    def close(self) -> None:
        """End the threads, after what they are at."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _inline(self, work: Callable[[], T]) -> T:
        started = perf_counter()
        try:
            return work()
        finally:
            self._ended = perf_counter()
            self._learn(self._ended - started)
            asyncio.get_running_loop().call_soon(self._turn)

    async def _in_thread(self, context: Context, work: Callable[[], T]) -> T:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, context.run, self._timed, work)
        finally:
            self._next_in_thread()

    async def _later(self, work: Callable[[], T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(future, work, copy_context(), perf_counter()))
        return await future

    def _turn(self) -> None:
        """Make the lists of those who have waited longest; without any, whoever comes next is served at once."""
        began = perf_counter()
        elsewhere_s = began - self._ended
        until = began + min(elsewhere_s * _SHARE, self._limits.wait_ms / 1000)
        made = 0
        while (waiting := self._first()) is not None:
            _settle(waiting)
            made += 1
            if perf_counter() >= until:
                break
        self._surplus_left = self._limits.surplus
        self._ended = perf_counter()
        if made:
            self._learn((self._ended - began + elsewhere_s) / made)
            # Behind the waiting callers' own wake-up, so that their answers leave before more lists are made.
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._running -= 1

    def _next_in_thread(self) -> None:
        """Give the thread that has just ended its work to whoever has waited longest."""
        self._surplus_left = self._limits.surplus
        waiting = self._first()
        if waiting is None:
            self._running -= 1
            return
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._pool, waiting.context.run, self._timed, waiting.work)
        done.add_done_callback(lambda finished: self._hand_over(finished, waiting.future))

    def _first(self) -> _Waiting | None:
        """Take who has waited longest out of the queue; callers that have gone are passed over."""
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.future.cancelled():
                self._metrics.waited(perf_counter() - waiting.since)
                return waiting
        return None

    def _hand_over(self, finished: asyncio.Future[Any], future: asyncio.Future[Any]) -> None:
        if finished.cancelled():
            future.cancel()
        elif not future.cancelled():
            error = finished.exception()
            if error is None:
                future.set_result(finished.result())
            else:
                future.set_exception(error)
        self._next_in_thread()

    def _timed(self, work: Callable[[], T]) -> T:
        started = perf_counter()
        try:
            return work()
        finally:
            self._learn(perf_counter() - started)

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
