"""What the verbs show: tables and next commands for people, plain values for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recsys.errors import InputError
from recsys.metrics import Interval
from training.compare import Comparison
from training.config import GateConfig
from training.exam import Part
from training.figures import Evaluation, asked_of, format_interval
from training.report import Steps, peak_memory_bytes
from training.split import day
from training.train import Trained

__all__ = [
    "json_text",
    "plain_evaluation",
    "plain_trained",
    "show_comparison",
    "show_evaluation",
    "show_notices",
    "show_reasons",
    "show_trained",
    "write_json",
]


def show_trained(console: Console, trained: Trained, steps: Steps, ui_command: str) -> None:
    """Figures, time per step and peak memory, the release id and the next command."""
    if trained.evaluation is not None:
        show_evaluation(console, trained.evaluation)
    console.print(steps.table())
    for choice in trained.fitted.choices:
        console.print(f"chosen from the data: {choice}", highlight=False, soft_wrap=True)
    show_notices(console, trained.notices)
    release_id = trained.manifest.release_id
    standing = "live" if trained.live else "a challenger"
    console.print(f"release [bold]{release_id}[/bold] is {standing}")
    following = ["recsys publish", "recsys up"] if trained.live else [f"recsys promote {release_id}"]
    _show_next(console, [*following, ui_command])


def show_evaluation(console: Console, evaluation: Evaluation) -> None:
    """What was asked, one table per part, what lies beyond accuracy, and the release by slice."""
    split = evaluation.exam.split
    when = (
        "one event of each shopper, held out by order"
        if split.protocol == "leave_one_out"
        else f"{split.days:.1f} days from {day(split.cut)}"
    )
    console.print(f"asked about {when}; mean [95 % interval over shoppers]", highlight=False)
    for part in evaluation.exam.parts:
        console.print(evaluation.table(part))
    console.print(evaluation.beyond_table())
    console.print(evaluation.slice_table())


def plain_evaluation(release_id: str, evaluation: Evaluation) -> dict[str, object]:
    """JSON form of an evaluation: `slices` of all items, `slices_new`, `slices_touched` of the other parts."""
    slices = {
        "slices" if part == "all" else f"slices_{part}": evaluation.plain_slices(part)
        for part in evaluation.exam.parts
    }
    return {"release_id": release_id, **evaluation.plain(), **slices}


def show_comparison(console: Console, comparison: Comparison, gate: GateConfig) -> None:
    """Figures of both and their paired difference per part, then the slices of all items, worst first."""
    for part in comparison.exam.parts:
        console.print(_figures_table(comparison, part))
    console.print(_slices_table(comparison, gate))
    ours, theirs = comparison.challenger.cost, comparison.champion.cost
    console.print(
        f"{comparison.overlap:.0%} of the items of two lists for one shopper are the same; "
        f"CPU time of a list {ours.cpu_ms:.2f} ms against {theirs.cpu_ms:.2f}, "
        f"size {ours.size_bytes / 2**20:,.1f} MiB against {theirs.size_bytes / 2**20:,.1f}",
        highlight=False,
    )


def show_reasons(console: Console, reasons: Sequence[str]) -> None:
    """What the gate would say of a comparison."""
    for reason in reasons:
        console.print(f"[red]the gate would refuse:[/red] {escape(reason)}", highlight=False, soft_wrap=True)
    if not reasons:
        console.print("nothing in these figures would make the gate refuse", highlight=False)


def _figures_table(comparison: Comparison, part: Part) -> Table:
    title = f"{part} items: {asked_of(comparison.exam.questions[part])}"
    table = Table("metric", title=title, title_justify="left", box=SIMPLE_HEAD)
    sides = (comparison.challenger, comparison.champion)
    for name in (*(side.release_id for side in sides), "difference [95 %]"):
        table.add_column(name, justify="right")
    for metric in comparison.metrics():
        change = comparison.difference(metric, part)
        cells = [format_interval(side.scores[part].interval(metric), wide=False) for side in sides]
        table.add_row(metric, *cells, format_interval(change, signed=True), style=_tone(change))
    return table


def _slices_table(comparison: Comparison, gate: GateConfig) -> Table:
    title = f"{gate.metric} by slice, all items, worst first; p corrected over the slices the gate weighs"
    table = Table("slice", title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("shoppers", "champion", "difference [95 %]", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for change in comparison.slice_changes("all", gate):
        table.add_row(
            escape(change.name),
            f"{change.difference.count:,}",
            format_interval(change.champion, wide=False),
            format_interval(change.difference, signed=True),
            f"{change.p:.2g}" if change.weighed else "–",
            style=_tone(change.difference),
        )
    return table


def _tone(change: Interval) -> str:
    return "" if not change.excludes_zero else "green" if change.mean > 0 else "red"


def show_notices(console: Console, notices: Sequence[str]) -> None:
    """What a person should know, one line each."""
    for notice in notices:
        console.print(f"[yellow]note:[/yellow] {escape(notice)}", highlight=False, soft_wrap=True)


def plain_trained(trained: Trained, steps: Steps) -> dict[str, object]:
    """JSON form of a training run."""
    manifest = trained.manifest
    return {
        "release_id": manifest.release_id,
        "live": trained.live,
        "notices": list(trained.notices),
        "code_version": manifest.code_version,
        "data": dict(manifest.data),
        "evaluation": dict(manifest.metrics),
        "slices": dict(manifest.slices),
        "seconds": steps.seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "steps": steps.plain(),
    }


def json_text(value: Mapping[str, object]) -> str:
    """Indented JSON."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def write_json(value: Mapping[str, object], path: Path) -> None:
    """Write JSON to a file; raises InputError when it cannot be written."""
    try:
        path.write_text(json_text(value) + "\n", "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def _show_next(console: Console, commands: Sequence[str]) -> None:
    for command in commands:
        console.print(f"next: {command}", highlight=False, soft_wrap=True)
