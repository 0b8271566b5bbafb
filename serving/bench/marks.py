"""What a figure has to reach, and whether it does; a table of such figures."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.bench.processes import Cores

__all__ = ["Mark", "machine", "plain_marks", "quantile", "show_marks"]


@dataclass(frozen=True)
class Mark:
    """One figure. `most` or `least` is what it has to reach; with neither it is only told."""

    name: str
    value: float | None
    """None where nothing was found to measure."""
    unit: str = ""
    most: float | None = None
    least: float | None = None
    held: bool | None = None
    """The verdict, where it takes more than comparing the value."""
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the mark holds; None for a figure without one."""
        if self.held is not None:
            return self.held
        if self.most is None and self.least is None:
            return None
        if self.value is None:
            return False
        over = self.most is not None and self.value > self.most
        return not over and not (self.least is not None and self.value < self.least)

    @property
    def verdict(self) -> str:
        """In the word of the table."""
        return {None: "", True: "PASS", False: "short"}[self.reached]

    @property
    def bound(self) -> str:
        """The mark in words."""
        if self.most is not None:
            return f"≤ {self.most:g}"
        return "" if self.least is None else f"≥ {self.least:g}"


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of them do not exceed; None of none. Values are in order of size."""
    return values[min(int(share * len(values)), len(values) - 1)] if values else None


def show_marks(console: Console, title: str, marks: Sequence[Mark]) -> None:
    """Print a table."""
    table = Table("", "figure", "mark", "", "", title=title)
    table.columns[1].justify = "right"
    for mark in marks:
        figure = "-" if mark.value is None else f"{_rounded(mark.value)} {mark.unit}".rstrip()
        table.add_row(mark.name, figure, mark.bound, mark.verdict, mark.note)
    console.print(table)


def plain_marks(marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """As JSON."""
    return [
        {
            "name": mark.name,
            "value": mark.value,
            "unit": mark.unit,
            "mark": mark.bound,
            "reached": mark.reached,
            "note": mark.note,
        }
        for mark in marks
    ]


def machine(cores: Cores) -> dict[str, Any]:
    """Where it was measured."""
    return {
        "cores": os.cpu_count(),
        "server_core": cores.server,
        "other_cores": cores.others,
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
