"""Times the stages of one answer and ends the way when its budget is spent.

The budget counts the work of the request's own thread: a request that merely waited for a busy core, or in which a
full garbage collection happened to run, is not made faster by a poorer list. It is looked at before the stages that
cost most, never when the list is nearly done.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, thread_time
from typing import Final

__all__ = ["OutOfTime", "StageWatch"]

_COSTLY: Final = frozenset({"retrieve", "score"})


class OutOfTime(Exception):
    """The budget is spent; never leaves the service."""


class StageWatch:
    """A `recsys.pipeline.Watch` with a budget in ms."""

    def __init__(self, budget_ms: float) -> None:
        self._until = thread_time() + budget_ms / 1000
        self._collections = _full_collections()
        self.milliseconds: dict[str, float] = {}
        """Wall time by stage that ran."""

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage.

        Raises:
            OutOfTime: it would be a costly one and the budget is spent.
        """
        if stage in _COSTLY and thread_time() > self._until and self._collections == _full_collections():
            raise OutOfTime
        started = perf_counter()
        yield
        self.milliseconds[stage] = (perf_counter() - started) * 1000


def _full_collections() -> int:
    """How many there were in this process; each takes tens of ms of whichever thread it runs in."""
    return int(gc.get_stats()[-1]["collections"])
