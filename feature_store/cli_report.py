"""What `recsys data` shows: a progress bar while reading, a table (or JSON) of what became of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from feature_store.checks import CheckResult, Status
from feature_store.intake.ingest import Report

__all__ = ["Reading", "reading", "show_checks", "show_reports"]

_COLOURS = {Status.PASS: "green", Status.WARN: "yellow", Status.FAIL: "red"}
_NUMBERS = ("read", "added", "duplicates", "conflicts", "rejected")


class Reading:
    """One bar per source; call it with how many more rows were read."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def expect(self, source: str, rows: int) -> None:
        """`source` will have this many rows."""
        self._tasks[source] = self._bars.add_task(source, total=rows)

    def __call__(self, source: str, rows: int) -> None:
        """`rows` more were read of `source`."""
        if source not in self._tasks:
            self._tasks[source] = self._bars.add_task(Path(source).name, total=None)
        self._bars.advance(self._tasks[source], rows)


@contextmanager
def reading() -> Iterator[Reading]:
    """Bars on stderr while rows are read."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Reading(bars)


def show_reports(reports: Sequence[Report], notes: Sequence[str] = (), *, as_json: bool) -> None:
    """What was read and stored, why rows were refused, and where they are."""
    if as_json:
        typer.echo(orjson.dumps({"sources": [_plain(report) for report in reports], "notes": list(notes)}))
        return
    table = Table(
        Column("source", overflow="fold"),
        "kind",
        *(Column(name, justify="right") for name in _NUMBERS),
        box=None,
    )
    for report in reports:
        counts = (f"{getattr(report, name):,}" for name in _NUMBERS)
        table.add_row(Path(report.source).name, report.kind.value, *counts)
    console = Console()
    console.print(table)
    for report in reports:
        if report.rejects is not None:
            reasons = ", ".join(f"{code} {count:,}" for code, count in sorted(report.reasons.items()))
            console.print(f"refused rows of {Path(report.source).name} ({reasons}):")
            console.print(str(report.rejects), soft_wrap=True, highlight=False)
    for note in notes:
        console.print(f"note: {note}")


def _plain(report: Report) -> dict[str, Any]:
    rejects = None if report.rejects is None else str(report.rejects)
    return {**asdict(report), "rejected": report.rejected, "rejects": rejects}


def show_checks(results: Sequence[CheckResult], *, as_json: bool) -> None:
    """One line per check."""
    if as_json:
        typer.echo(orjson.dumps([asdict(result) for result in results]))
        return
    table = Table(
        "",
        "check",
        Column("count", justify="right"),
        Column("of", justify="right"),
        "what it counts",
        box=None,
    )
    for result in results:
        verdict = f"[{_COLOURS[result.status]}]{result.status.value}[/]"
        table.add_row(verdict, result.name, f"{result.count:,}", f"{result.total:,}", result.message)
    Console().print(table)
