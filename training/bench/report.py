"""A bench run on the screen, as JSON, as a section of docs/experiments.md and as lines of docs/leaderboard.md."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recsys.config import ReleaseConfig
from recsys.errors import InputError
from training.bench.peers import ALS_DEFAULTS
from training.bench.results import CourseResult, PartResult, Row, Versus
from training.bench.systems import STACK
from training.figures import format_interval
from training.split import day

__all__ = ["Stamp", "append", "config_hash", "experiment", "leaderboard", "plain", "show"]

LEADERBOARD_HEAD: Final = """\
# Leaderboard

Figures of `recsys bench quality` ([protocols](training.md#bench)): means over shoppers with 95 % bootstrap intervals.
Newest last. `config` is the hash of the whole default configuration, `data` that of the rows learned from.

| date | data set, part | system | figure | release | config | code | data |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Stamp:
    """What a figure is signed with."""

    code: str
    config: str
    date: str | None = None
    """None: the last day of the data."""
    quick: bool = False
    """A sample of shoppers; the figures mean nothing."""

    def day(self, result: CourseResult) -> str:
        """The date of a result."""
        return self.date or (day(result.data.last) if result.data.last is not None else "–")


def config_hash(config: ReleaseConfig | None = None) -> str:
    """First 12 hex digits of the SHA-256 of a configuration's JSON; of the defaults for None."""
    return hashlib.sha256((config or ReleaseConfig()).model_dump_json().encode()).hexdigest()[:12]


def plain(results: Sequence[CourseResult], stamp: Stamp) -> dict[str, object]:
    """JSON form of a run."""
    return {
        "code_version": stamp.code,
        "config_hash": stamp.config,
        "quick": stamp.quick,
        "datasets": {result.name: result.plain() for result in results},
    }


def show(console: Console, result: CourseResult) -> None:
    """Choices, one table per part, the stack beside others, and what the fit cost."""
    if result.release is not None:
        for choice in result.release.choices:
            console.print(f"chosen from the data: {escape(choice)}", highlight=False, soft_wrap=True)
    for part in result.parts:
        console.print(_table(result.name, part))
        for versus in part.versus():
            console.print(_sentence(part, versus), highlight=False, soft_wrap=True)
    for note in result.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False, soft_wrap=True)
    if result.release is not None:
        fit = result.release.fit
        console.print(
            f"release {result.release.release_id}: fitted in {fit.seconds:.0f} s, "
            f"memory grew by {fit.memory_bytes / 2**20:,.0f} MiB",
            highlight=False,
        )


def experiment(result: CourseResult, stamp: Stamp) -> str:
    """A section of docs/experiments.md: every system by part, the paired differences, the notes."""
    release = "no release" if result.release is None else f"release `{result.release.release_id}`"
    signed = f"code {stamp.code}, config `{stamp.config}`, data `{result.data.hash}`"
    command = f"recsys bench quality --dataset {result.name}{' --quick' if stamp.quick else ''}"
    parts = result.parts
    heads = [f"{part.title} ({part.metric}, {_asked(part)})" for part in parts]
    rows = dict.fromkeys(row.system for part in parts for row in part.rows)
    lines = [
        f"## {stamp.day(result)} Bench: {result.name}",
        f"`{command}`: {release}, {signed}.",
        "",
        f"| system | {' | '.join(heads)} | fit, s | µs a list |",
        "|---" * (len(heads) + 3) + "|",
        *(_markdown_row(name, parts) for name in rows),
        "",
        *(f"- {_sentence(part, versus)}" for part in parts for versus in part.versus()),
        *(f"- {note}" for note in result.notes),
        *(
            f"- Chosen from the data: {choice}"
            for choice in (result.release.choices if result.release else ())
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def leaderboard(result: CourseResult, stamp: Stamp) -> str:
    """Lines of docs/leaderboard.md: on every part the stack, its best single source, and ALS with defaults."""
    release = "–" if result.release is None else f"`{result.release.release_id}`"
    return "".join(
        f"| {stamp.day(result)} | {result.name}, {part.title} | {row.system} | "
        f"{part.metric} {format_interval(row.scores.interval(part.metric))} | "
        f"{'–' if row.kind == 'peer' else release} | `{stamp.config}` | {stamp.code} | `{result.data.hash}` |\n"
        for part in result.parts
        for row in _leading(part)
    )


def append(text: str, file: Path, head: str = "") -> None:
    """Add text at the end of a file; `head` comes first where the file is new."""
    try:
        before = file.read_text("utf-8") if file.exists() else head
        file.write_text(before + text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {str(file)!r}: {error.strerror or error}") from None


def _leading(part: PartResult) -> Iterator[Row]:
    others = {versus.other for versus in part.versus()} | {STACK, ALS_DEFAULTS}
    yield from (row for row in part.rows if row.system in others)


def _table(name: str, part: PartResult) -> Table:
    table = Table(
        "system", title=f"{name}, {part.title}: {_asked(part)}", title_justify="left", box=SIMPLE_HEAD
    )
    for metric in part.problem.metrics:
        table.add_column(metric, justify="right")
    for head in ("fit s", "fit MiB", "µs a list"):
        table.add_column(head, justify="right")
    best = max((row.scores.interval(part.metric).mean for row in part.rows), default=0.0)
    for row in part.rows:
        leads = row.scores.interval(part.metric).mean == best
        table.add_row(*_cells(row, part), style="bold" if leads else "")
    return table


def _cells(row: Row, part: PartResult) -> list[str]:
    first, *others = (row.scores.interval(metric) for metric in part.problem.metrics)
    return [
        row.system,
        format_interval(first),
        *(format_interval(interval, wide=False) for interval in others),
        "–" if row.fit is None else f"{row.fit.seconds:.1f}",
        "–" if row.fit is None else f"{row.fit.memory_bytes / 2**20:,.0f}",
        f"{row.query_us:,.0f}",
    ]


def _asked(part: PartResult) -> str:
    questions = part.problem.exam.questions[part.part]
    if len(questions) == questions.shoppers:
        return f"{len(questions):,} shoppers"
    return f"{len(questions):,} questions of {questions.shoppers:,} shoppers"


def _sentence(part: PartResult, versus: Versus) -> str:
    found, relative = versus.difference, versus.relative
    share = "" if relative != relative else f" ({relative:+.1%})"
    named = versus.role if versus.role == versus.other else f"{versus.role} ({versus.other})"
    return (
        f"{part.title}, {part.metric}: stack less {named} {format_interval(found, signed=True)}{share}, "
        f"p {found.p_value:.2g}"
    )


def _markdown_row(name: str, parts: Sequence[PartResult]) -> str:
    found: Mapping[str, Row | None] = {
        part.title: next((row for row in part.rows if row.system == name), None) for part in parts
    }
    rows = [row for row in found.values() if row is not None]
    cells = [
        "–" if row is None else format_interval(row.scores.interval(part.metric))
        for part, row in zip(parts, found.values(), strict=True)
    ]
    fit = rows[0].fit
    return (
        f"| {name} | {' | '.join(cells)} | {'–' if fit is None else f'{fit.seconds:.1f}'} | "
        f"{rows[0].query_us:,.0f} |"
    )
