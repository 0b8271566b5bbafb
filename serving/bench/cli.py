"""The verbs `bench serving|freshness|swap|overload`: how fast lists come, how fresh they are, what they withstand."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from serving.bench.marks import Mark
    from serving.bench.processes import Cores
    from serving.bench.shop import Step

__all__ = ["freshness", "overload", "serving", "swap"]

serving = typer.Typer(add_completion=False, help="Measure how fast lists are answered.")
freshness = typer.Typer(add_completion=False, help="Measure how soon lists know what has changed.")
swap = typer.Typer(add_completion=False, help="Swap releases under load.")
overload = typer.Typer(add_completion=False, help="Ask for more than can be made.")

Out = Annotated[Path, typer.Option(metavar="OUT", help="Write everything that was measured there.")]
Items = Annotated[int, typer.Option(min=100, help="Catalogue size of the synthetic release.")]

_SIZES = (20_000, 100_000, 1_000_000)


class Findings(Protocol):
    """What a bench with marks finds."""

    def marks(self) -> "list[Mark]":
        """The figures with what they have to reach."""

    def plain(self) -> dict[str, Any]:
        """Everything, as JSON."""


@serving.command("serving")
def run_serving(
    json: Out,
    items: Annotated[
        list[int] | None,
        typer.Option(help="Catalogue size of a synthetic release; repeatable. [20000, 100000, 1000000]"),
    ] = None,
    release: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Measure this sealed release instead; repeatable."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.5, help="Of saturation, and again of half of it, per system.")
    ] = 12.0,
    rounds: Annotated[int, typer.Option(min=1, help="Turns that the systems take at saturation.")] = 3,
    connections: Annotated[int, typer.Option(min=1, max=200, help="Kept open at saturation.")] = 8,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Leave synthetic releases there, for --release.")
    ] = None,
) -> None:
    """Answer a shop's mixed traffic with everything on, beside the least and the usual that can be written."""
    from serving.bench.measure import Load, measure
    from serving.bench.processes import Cores
    from serving.bench.report import plain, show

    load, cores = Load(seconds=seconds, rounds=rounds, connections=connections), Cores.of_this_machine()
    console, step = _console(), _steps_to_stderr()
    runs = []
    with ExitStack() as stack:
        for folder in _releases(items, release, keep, stack, step):
            with cores.left_to_servers():
                runs.append(measure(folder, load, cores, step))
            show(console, runs[-1])
            # What took minutes is kept as it comes.
            _write(json, plain(runs, load, cores))


@freshness.command("freshness")
def run_freshness(
    json: Out,
    items: Items = 100_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the server.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, help="Of reads, writes and probes.")] = 30.0,
    reads_rate: Annotated[
        float | None, typer.Option(min=1, help="Lists a second. [half of what saturates the server]")
    ] = None,
    offers_rate: Annotated[float, typer.Option(min=1, help="Changes of offers a second.")] = 1000.0,
    events_rate: Annotated[float, typer.Option(min=2, help="Events a second.")] = 500.0,
) -> None:
    """How soon every worker's lists know a shopper's event and a change of an offer, while all of them are busy."""
    from serving.bench.freshness import Pressure, measure_freshness
    from serving.bench.shop import EVERYWHERE

    console, step = _console(), _steps_to_stderr()
    pressure = Pressure(
        workers=workers,
        seconds=seconds,
        saturation_s=min(8.0, seconds),
        reads_rate=reads_rate,
        offers_rate=offers_rate,
        events_rate=events_rate,
    )
    with _made(1, items, step) as (release,):
        found = measure_freshness(release, pressure, step)
    _tell(console, f"freshness, {items:,} items, {workers} workers", found, json, items, EVERYWHERE)


@swap.command("swap")
def run_swap(
    json: Out,
    minutes: Annotated[float, typer.Option(min=0.05, help="Of load, at half of saturation.")] = 30.0,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two moves of the pointer.")] = 60.0,
    items: Items = 20_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the server.")] = 2,
) -> None:
    """Swap releases and roll back under load: no error, no mixed answer, no memory left behind."""
    from serving.bench.shop import EVERYWHERE
    from serving.bench.swap import RELEASES, Swaps, measure_swap

    console, step = _console(), _steps_to_stderr()
    swaps = Swaps(workers=workers, seconds=60 * minutes, every_s=every, saturation_s=min(8.0, 60 * minutes))
    with _made(RELEASES, items, step) as releases:
        found = measure_swap(releases, swaps, step)
    title = f"a move every {every:g} s for {minutes:g} minutes, {items:,} items, {workers} workers"
    _tell(console, title, found, json, items, EVERYWHERE)


@overload.command("overload")
def run_overload(
    json: Out,
    seconds: Annotated[float, typer.Option(min=1, help="How long more is asked than can be made.")] = 120.0,
    items: Items = 100_000,
    factor: Annotated[float, typer.Option(min=1, help="How much is asked, by saturation.")] = 3.0,
    calm: Annotated[
        float, typer.Option(min=3, help="Seconds of half of saturation before and after.")
    ] = 15.0,
) -> None:
    """Ask for a multiple of saturation: what is still answered in full and how fast, what the rest gets, recovery."""
    from serving.bench.overload import Surge, measure_overload
    from serving.bench.processes import Cores

    console, step, cores = _console(), _steps_to_stderr(), Cores.of_this_machine()
    surge = Surge(factor=factor, seconds=seconds, saturation_s=min(10.0, calm), calm_s=calm, after_s=calm + 5)
    with _made(1, items, step) as (release,), cores.left_to_servers():
        found = measure_overload(release, surge, cores, step)
    _tell(console, f"{factor:g} × saturation for {seconds:g} s, {items:,} items", found, json, items, cores)


def _releases(
    items: list[int] | None, given: list[Path] | None, keep: Path | None, stack: ExitStack, step: "Step"
) -> Iterator[Path]:
    """Sealed folders, named by their ids; each synthetic one is made when its turn comes.

    Raises:
        ReleaseError: a given folder is no release.
    """
    from recsys.release import read_manifest

    for folder in given or ():
        read_manifest(folder)
        yield folder.resolve()
    for count in items or (() if given else _SIZES):
        yield _synthetic(count, keep, stack, step)


def _synthetic(count: int, keep: Path | None, stack: ExitStack, step: "Step") -> Path:
    import tempfile

    from recsys.testing.synthetic import build_release

    into = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rb")))
    with step(f"make a release of {count:,} items"):
        return build_release(count, into)[0].resolve()


@contextmanager
def _made(count: int, items: int, step: "Step") -> Iterator[list[Path]]:
    """Synthetic releases of one size that share half of their items, gone afterwards; named by their ids."""
    import tempfile

    from recsys.testing.synthetic import build_release

    with tempfile.TemporaryDirectory(prefix="rb") as folder:
        made = []
        for seed in range(count):
            with step(f"make a release of {items:,} items"):
                own = f"{seed}-" if seed else ""
                made.append(build_release(items, Path(folder), seed=seed, own=own)[0].resolve())
        yield made


def _tell(console: "Console", title: str, found: "Findings", json: Path, items: int, cores: "Cores") -> None:
    from serving.bench.marks import machine, plain_marks, show_marks

    marks = found.marks()
    show_marks(console, title, marks)
    _write(json, {"items": items, "marks": plain_marks(marks), **found.plain(), "machine": machine(cores)})


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 110)


def _steps_to_stderr() -> "Step":
    from rich.console import Console

    return _steps(Console(stderr=True))


def _write(path: Path, value: object) -> None:
    import orjson

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def _steps(console: "Console") -> "Step":
    from time import perf_counter

    @contextmanager
    def step(name: str) -> Iterator[None]:
        started = perf_counter()
        yield
        console.print(f"{name}: {perf_counter() - started:.1f} s", highlight=False)

    return step
