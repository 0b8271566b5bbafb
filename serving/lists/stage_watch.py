"""Times the stages of one answer and ends the way when its budget is spent and the rest of it is dear.

Only work of the request's own thread counts: a request that waited for a busy core is not made faster by a poorer
list. For the same reason a request that is late goes on when the costly stages ahead of it have been cheap lately:
what stopped it (a garbage collection, a stalled machine) is over, and cutting the list would save next to nothing.
"""

from time import perf_counter, thread_time
from types import TracebackType
from typing import Final, Self

__all__ = ["OutOfTime", "Pace", "StageWatch"]

_COSTLY: Final = ("retrieve", "score")
"""In the order in which they run; the stages around them must run in any case."""
_WORTH_SAVING: Final = 0.1
_MEMORY: Final = 0.9


class OutOfTime(Exception):
    """The budget is spent; never leaves the service."""


class Pace:
    """What each costly stage took lately, in ms of work; shared by all requests of a process.

    Threads may overwrite each other's last bit of learning, which an average can bear.
    """

    def __init__(self) -> None:
        self._usual = dict.fromkeys(_COSTLY, 0.0)

    def learn(self, stage: str, milliseconds: float) -> None:
        """Take one more observation into the average."""
        if stage in self._usual:
            self._usual[stage] = _MEMORY * self._usual[stage] + (1 - _MEMORY) * milliseconds

    def ahead(self, stage: str) -> float:
        """Ms that the costly stages from `stage` on are expected to take; 0 when it is not one of them."""
        if stage not in _COSTLY:
            return 0.0
        return sum(self._usual[each] for each in _COSTLY[_COSTLY.index(stage) :])


class StageWatch:
    """A `recsys.pipeline.Watch` with a budget in ms.

    It is its own context manager, one object for all stages of a request: they nest, so a stack holds what is open.
    The clock is read where stages end, and a stage begins where the last one ended: between them nothing is done. It
    is the wall's, since the clock of a thread's work is a system call and a list has a dozen stages and sources; that
    one is read only when the wall says that it is late.
    """

    __slots__ = ("_budget_s", "_late_ms", "_now", "_open", "_pace", "_started", "_worked", "milliseconds")

    def __init__(self, budget_ms: float, pace: Pace) -> None:
        self._budget_s = budget_ms / 1000
        self._late_ms = budget_ms * _WORTH_SAVING
        self._pace = pace
        self._open: list[tuple[str, float]] = []
        self._started = self._now = perf_counter()
        self._worked = thread_time()
        self.milliseconds: dict[str, float] = {}
        """What each stage took."""

    def __call__(self, stage: str) -> Self:
        """Begin to time one stage, which ends with the `with` around it.

        Raises:
            OutOfTime: the budget is spent and leaving out the costly stages ahead saves a good part of it.
        """
        started = self._now
        if started - self._started > self._budget_s and self._is_late(stage):
            raise OutOfTime
        self._open.append((stage, started))
        return self

    def __enter__(self) -> None:
        """Nothing is left to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the time of the innermost stage, unless it failed."""
        stage, started = self._open.pop()
        if kind is None:
            self._now = perf_counter()
            spent = (self._now - started) * 1000
            self.milliseconds[stage] = spent
            self._pace.learn(stage, spent)

    def _is_late(self, stage: str) -> bool:
        """Whether it was work that took so long, and there is something to be saved."""
        return thread_time() - self._worked > self._budget_s and self._pace.ahead(stage) > self._late_ms
