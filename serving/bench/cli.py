"""The verb `bench serving`: how many lists a second, how fast, at what cost."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from serving.bench.measure import Step

__all__ = ["serving"]

serving = typer.Typer(add_completion=False, help="Measure how fast lists are answered.")

_SIZES = (20_000, 100_000, 1_000_000)


@serving.command("serving")
def run_serving(
    json: Annotated[Path, typer.Option(metavar="OUT", help="Write everything that was measured there.")],
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
    from rich.console import Console

    from serving.bench.measure import Load, measure
    from serving.bench.processes import Cores
    from serving.bench.report import plain, show

    load, cores = Load(seconds=seconds, rounds=rounds, connections=connections), Cores.of_this_machine()
    console, step = Console(width=None if sys.stdout.isatty() else 110), _steps(Console(stderr=True))
    runs = []
    with ExitStack() as stack:
        for folder in _releases(items, release, keep, stack, step):
            with cores.left_to_servers():
                runs.append(measure(folder, load, cores, step))
            show(console, runs[-1])
            # What took minutes is kept as it comes.
            _write(json, plain(runs, load, cores))


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
