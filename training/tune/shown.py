"""What `recsys tune` shows: figures of the best trial beside the configuration as given, and the keys it changed."""

import shlex
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from training.config import TrainingConfig
from training.tune.outcome import changed_keys
from training.tune.search import Tuned

__all__ = ["show_tuned"]


def show_tuned(console: Console, tuned: Tuned, given: TrainingConfig, out: Path) -> None:
    """Two tables and the next command; none where nothing is written."""
    ended = tuned.before + len(tuned.made)
    console.print(
        f"study {tuned.study}: {len(tuned.made)} trials more, {ended} of this call's and earlier ones",
        highlight=False,
    )
    if tuned.best is None:
        console.print("no trial has ended yet; nothing is written")
        return
    console.print(_figures(tuned))
    changed = changed_keys(given, tuned.config)
    if changed:
        table = Table("key", "as given", "found", title="changed", title_justify="left", box=SIMPLE_HEAD)
        for key, (old, new) in changed.items():
            table.add_row(key, _short(old), _short(new))
        console.print(table)
    elif tuned.given is not None:
        console.print("nothing tried is better than the configuration as given")
    if tuned.given is not None:
        console.print(f"next: recsys train --config {shlex.quote(str(out))}", highlight=False)


def _figures(tuned: Tuned) -> Table:
    table = Table("figure", title="NDCG on the validation window", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("as given", justify="right")
    table.add_column("best", justify="right")
    best, given = tuned.best, tuned.given
    for name, value in ({} if best is None else best.parts).items():
        before = None if given is None else given.parts.get(name)
        table.add_row(name, "–" if before is None else f"{before:.4f}", f"{value:.4f}")
    return table


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
