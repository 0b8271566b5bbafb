"""The verb `bench quality`: how good the product is on public data, beside what a shop would use instead."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["bench"]

bench = typer.Typer(add_completion=False, help="Measure the product on public data.")


@bench.command("quality")
def run_quality(
    json: Annotated[Path, typer.Option(metavar="OUT", help="Write everything that was measured there.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="retailrocket, complete-journey, taobao or diginetica; repeatable; default: all."),
    ] = None,
    datasets: Annotated[
        Path | None, typer.Option(envvar="RECSYS_DATASETS", metavar="DIR", help="Where the data sets lie.")
    ] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option(help="A system by name, or release, sources, peers; repeatable; default: all."),
    ] = None,
    quick: Annotated[
        bool, typer.Option(help="A few hundred shoppers, to see that it runs; the figures mean nothing.")
    ] = False,
    release_out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep each sealed release there, under its id.")
    ] = None,
    experiments: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append a section per data set, in Markdown.")
    ] = None,
    leaderboard: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append the lines of the stack and its rivals.")
    ] = None,
    date: Annotated[
        str | None, typer.Option(help="Date of what is appended; default: the last day of the data.")
    ] = None,
) -> None:
    """Fit the default release and its peers on public data sets, ask all of them the same, compare."""
    from rich.console import Console

    from recsys.errors import InputError
    from training.bench.quality import DATASETS, Plan, chosen_systems
    from training.bench.quality import bench as run
    from training.bench.report import LEADERBOARD_HEAD, Stamp, append, config_hash, experiment, plain, show
    from training.bench.report import leaderboard as leaders
    from training.card import code_version
    from training.present import write_json
    from training.report import Steps

    if datasets is None:
        raise InputError("where are the data sets? Set RECSYS_DATASETS or pass --datasets DIR")
    plan = Plan(datasets, tuple(dataset or DATASETS), chosen_systems(systems or ()), quick, release_out)
    stamp, console = Stamp(code_version(), config_hash(), date, quick), _stdout()
    results = []
    for result in run(plan, Steps(Console(stderr=True))):
        show(console, result)
        results.append(result)
        # What took minutes is kept as it comes.
        write_json(plain(results, stamp), json)
        if experiments is not None:
            append("\n" + experiment(result, stamp), experiments)
        if leaderboard is not None:
            append(leaders(result, stamp), leaderboard, LEADERBOARD_HEAD)


def _stdout() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 130)
