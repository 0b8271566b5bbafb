"""The root command `recsys`: reads the names of its verbs, imports a verb's module when that verb is used.

Invariants: `recsys --help` imports no verb; thread limits are set before numpy can be imported; a deliberate
error is one line `error: …` on stderr and exit code 2, never a stack trace.
"""

import os
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from types import MappingProxyType
from typing import Annotated, Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

from recsys.errors import RecsysError

__all__ = ["HELP", "THREAD_LIMITS", "VerbGroup", "limit_threads", "main", "recsys", "root", "run"]

GROUP: Final = "recsys.commands"
DISTRIBUTION: Final = "recsys-shop"

# In the order a newcomer needs them. An installed verb that is not named here is listed last, by name alone.
HELP: Final = {
    "demo": "Tell the whole story once: import, train, publish, serve, ask.",
    "data": "Bring in events, items and users; validate; simulate a shop.",
    "train": "Fit a release on the log, evaluate it honestly, keep it in MLflow.",
    "evaluate": "Measure a release on the last days of the log.",
    "tune": "Search for a better configuration on the days before the test window.",
    "compare": "Set two releases side by side: paired differences, overlap of lists.",
    "promote": "Check a release against the champion and make it live.",
    "rollback": "Make the release that was live before live again.",
    "publish": "Send a release and shoppers' histories to the online store.",
    "recommend": "Write lists for many shoppers to a Parquet file.",
    "up": "Start everything on this machine: store, API, workers.",
    "serve": "Run the HTTP service alone.",
    "worker": "Move acknowledged events from the online store to the log.",
    "jobs": "Carry out promotions and rollbacks asked for elsewhere.",
    "keys": "Create, list and revoke API keys.",
    "bench": "Measure the product on public data, beside what a shop would use instead.",
}

# One short search at a time: with more OpenMP threads than free cores a 1 ms search takes 16.
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# ALS brings its own threads; BLAS threads under them fight for the same cores.
_NO_BLAS_THREADS: Final = {"OPENBLAS_NUM_THREADS": "1"}
THREAD_LIMITS: Final = {
    **dict.fromkeys(
        ("serve", "up", "worker", "jobs", "recommend", "evaluate", "compare", "promote", "publish"),
        _ONE_THREAD,
    ),
    "train": _NO_BLAS_THREADS,
    "tune": _NO_BLAS_THREADS,
    "bench": _NO_BLAS_THREADS,
}

_INTERRUPTED: Final = 130
_EPILOG: Final = (
    "`recsys COMMAND --help` says what a command takes. State lives in $RECSYS_HOME (default .recsys)."
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
        raise typer.Exit


class VerbGroup(TyperGroup):
    """The verbs of an entry-point group; only `get_command` imports a module, that of its verb."""

    verbs: Mapping[str, EntryPoint] = MappingProxyType({})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class names it
        """Every verb's name, known ones in the order of `HELP`."""
        return [name for name in HELP if name in self.verbs] + sorted(set(self.verbs) - set(HELP))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class names it
        """Import the verb and return its command, or None for an unknown name."""
        verb = self.verbs.get(cmd_name)
        return None if verb is None else typer.main.get_command(verb.load())

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look the verb up; a misspelt one is answered with its nearest name."""
        # The base class takes its suggestions from the keys of `commands` and never looks at the values.
        self.commands = dict.fromkeys(self.verbs, TyperCommand(None))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs from the table above, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP.get(name, "")) for name in self.list_commands(ctx)])


def root(verbs: Iterable[EntryPoint] | None = None) -> VerbGroup:
    """Build the root command; `verbs` replaces the installed entry points."""
    app = typer.Typer(cls=VerbGroup, rich_markup_mode=None, no_args_is_help=True, add_completion=False)
    app.callback(epilog=_EPILOG)(recsys)
    group = cast(VerbGroup, typer.main.get_command(app))
    group.verbs = {verb.name: verb for verb in (entry_points(group=GROUP) if verbs is None else verbs)}
    return group


def recsys(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Recommendations for a shop, on its own machines. Start with `recsys demo`."""


def limit_threads(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Set the thread limits of the verb in `arguments` where the caller has not set them."""
    verb = next((word for word in arguments if not word.startswith("-")), "")
    for name, value in THREAD_LIMITS.get(verb, {}).items():
        environment.setdefault(name, value)


def run(arguments: Sequence[str], verbs: Iterable[EntryPoint] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 2 refused with a reason, 130 interrupted."""
    try:
        root(verbs).main(list(arguments), prog_name="recsys")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except RecsysError as error:
        typer.echo(f"error: {error}", err=True)
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def main() -> None:
    """Entry point of the console script."""
    arguments = sys.argv[1:]
    limit_threads(arguments, os.environ)
    sys.exit(run(arguments))
