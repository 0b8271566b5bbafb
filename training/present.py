"""What the verbs show: tables and next commands for people, plain values for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from recsys.errors import InputError
from training.compare import Comparison
from training.exam import PARTS
from training.figures import Evaluation, format_interval
from training.report import Steps, peak_memory_bytes
from training.split import day
from training.train import Trained

__all__ = [
    "json_text",
    "plain_trained",
    "show_comparison",
    "show_evaluation",
    "show_notices",
    "show_trained",
    "write_json",
]


def show_trained(console: Console, trained: Trained, steps: Steps, ui_command: str) -> None:
    """Figures, time per step and peak memory, the release id and the next command."""
    if trained.evaluation is not None:
        show_evaluation(console, trained.evaluation)
    console.print(steps.table())
    show_notices(console, trained.notices)
    release_id = trained.manifest.release_id
    standing = "live" if trained.live else "a challenger"
    console.print(f"release [bold]{release_id}[/bold] is {standing}")
    following = ["recsys publish", "recsys up"] if trained.live else [f"recsys promote {release_id}"]
    _show_next(console, [*following, ui_command])


def show_evaluation(console: Console, evaluation: Evaluation) -> None:
    """One table per part, and what was asked."""
    split = evaluation.exam.split
    when = (
        "each shopper's last event"
        if split.protocol == "leave_last_out"
        else f"{split.days:.1f} days from {day(split.cut)}"
    )
    console.print(f"asked about {when}; mean [95 % interval over shoppers]", highlight=False)
    for part in PARTS:
        console.print(evaluation.table(part))


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Figures of both and their paired difference, per part."""
    ours, theirs = comparison.challenger, comparison.champion
    for part in PARTS:
        count = len(comparison.exam.questions[part])
        title = f"{part} items, {count} shoppers"
        table = Table("metric", title=title, title_justify="left", box=SIMPLE_HEAD)
        for name in (ours, theirs, "difference [95 %]"):
            table.add_column(name, justify="right")
        for metric in comparison.metrics():
            change = comparison.difference(metric, part)
            cells = [
                format_interval(scores[part].interval(metric), wide=False)
                for scores in (comparison.challenger_scores, comparison.champion_scores)
            ]
            style = "" if not change.excludes_zero else "green" if change.mean > 0 else "red"
            table.add_row(metric, *cells, format_interval(change, signed=True), style=style)
        console.print(table)
    console.print(f"{comparison.overlap:.0%} of the items of two lists for one shopper are the same")


def show_notices(console: Console, notices: Sequence[str]) -> None:
    """What a person should know, one line each."""
    for notice in notices:
        console.print(f"[yellow]note:[/yellow] {notice}", highlight=False, soft_wrap=True)


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
        "steps": [{"name": step.name, "seconds": step.seconds} for step in steps.times],
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
