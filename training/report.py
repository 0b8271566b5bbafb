"""Times and peak memory of a run, step by step, with a progress line while each step runs.

Invariants: every step that was entered is in the report, also one that failed; the peak is the process's own
high-water mark as the kernel counts it, mapped files included.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

__all__ = ["StepTime", "Steps", "peak_memory_bytes"]

# ru_maxrss counts kibibytes on Linux and bytes on macOS.
_MAXRSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


def peak_memory_bytes() -> int:
    """The largest resident set this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


@dataclass(frozen=True)
class StepTime:
    """One finished step: seconds it took and the process's peak (bytes) when it ended."""

    name: str
    seconds: float
    peak_bytes: int


class Steps:
    """Runs steps one after another on a console; also a `progress(description, done, total)` callback."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.times: list[StepTime] = []
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show `name` with a spinner and a clock, and note its time and the peak when it ends."""
        started = time.perf_counter()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn())
        try:
            # On a pipe or in a log file a moving line would be noise.
            still = not self.console.is_terminal
            with Progress(*columns, console=self.console, transient=True, disable=still) as self._progress:
                self._task = self._progress.add_task(name, total=None)
                yield
        finally:
            self._progress = self._task = None
            took = StepTime(name, time.perf_counter() - started, peak_memory_bytes())
            self.times.append(took)
            self.console.print(f"[dim]{took.seconds:7.1f} s[/dim]  {name}", highlight=False)

    def __call__(self, description: str, done: int, total: int) -> None:
        """Show how far the running step is; does nothing between steps."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=description, completed=done, total=total)

    @property
    def seconds(self) -> float:
        """Time of all steps so far."""
        return sum(step.seconds for step in self.times)

    def plain(self) -> list[dict[str, object]]:
        """JSON form: every step's seconds and the peak memory (bytes) when it ended."""
        return [
            {"name": step.name, "seconds": step.seconds, "peak_memory_bytes": step.peak_bytes}
            for step in self.times
        ]

    def table(self) -> Table:
        """Steps with their times, and the total with the peak memory."""
        table = Table("step", title="time", title_justify="left", box=SIMPLE_HEAD)
        table.add_column("seconds", justify="right")
        table.add_column("peak so far", justify="right")
        for step in self.times:
            table.add_row(step.name, f"{step.seconds:.1f}", f"{step.peak_bytes / 2**20:,.0f} MiB")
        table.add_section()
        table.add_row("all", f"{self.seconds:.1f}", f"{peak_memory_bytes() / 2**20:,.0f} MiB")
        return table
