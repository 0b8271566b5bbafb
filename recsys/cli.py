"""The root command `recsys`: reads the names of its verbs, imports a verb's module when that verb is used.

A name of several words (`bench serving`) is a verb of a group, so that one group may have verbs of several packages.
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
    "features": "Build, check and explain the features of shoppers and items.",
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
    "bench": "Measure the product: how good its lists are, how fast they come.",
    "bench quality": "On public data, beside what a shop would use instead.",
    "bench serving": "A shop's mixed traffic, beside the least and the usual that can be written.",
    "bench freshness": "How soon lists know of an event and of a change of an offer, while all are busy.",
    "bench retrieval": "What vector searches find behind filters, and how fast.",
    "bench swap": "Releases swapped and rolled back under load: errors, mixed answers, memory.",
    "bench overload": "More asked than can be made: what is answered, what the rest gets, recovery.",
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
    """By whole name."""
    prefix: str = ""
    """What the names of this group's verbs begin with, a space included."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class names it
        """Every verb's and group's next word, known ones in the order of `HELP`."""
        here = {name.partition(" ")[0] for name in self._names()}
        known = [name.removeprefix(self.prefix) for name in HELP if name.startswith(self.prefix)]
        return [word for word in known if word in here] + sorted(here.difference(known))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class names it
        """Import the verb and return its command; a group imports nothing; None for an unknown name."""
        verb = self.verbs.get(self.prefix + cmd_name)
        if verb is not None:
            command = typer.main.get_command(verb.load())
            # A package that keeps its verbs of a group together gives the one that is asked for.
            return getattr(command, "commands", {}).get(cmd_name, command)
        if any(name.startswith(f"{cmd_name} ") for name in self._names()):
            return _group(self.verbs, f"{self.prefix}{cmd_name} ")
        return None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look the verb up; a misspelt one is answered with its nearest name."""
        # The base class takes its suggestions from the keys of `commands` and never looks at the values.
        self.commands = dict.fromkeys(self.list_commands(ctx), TyperCommand(None))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs from the table above, without importing one."""
        with formatter.section("Commands"):
            words = self.list_commands(ctx)
            formatter.write_dl([(word, HELP.get(self.prefix + word, "")) for word in words])

    def _names(self) -> list[str]:
        """What follows the prefix, of the verbs that have it."""
        return [name.removeprefix(self.prefix) for name in self.verbs if name.startswith(self.prefix)]


def root(verbs: Iterable[EntryPoint] | None = None) -> VerbGroup:
    """Build the root command; `verbs` replaces the installed entry points."""
    return _group({verb.name: verb for verb in (entry_points(group=GROUP) if verbs is None else verbs)})


def _group(verbs: Mapping[str, EntryPoint], prefix: str = "") -> VerbGroup:
    app = typer.Typer(
        name=prefix.split()[-1] if prefix else None,
        cls=VerbGroup,
        rich_markup_mode=None,
        no_args_is_help=True,
        add_completion=False,
    )
    if prefix:
        app.callback(help=HELP.get(prefix.rstrip(), ""))(_nothing)
    else:
        app.callback(epilog=_EPILOG)(recsys)
    group = cast(VerbGroup, typer.main.get_command(app))
    group.verbs, group.prefix = verbs, prefix
    return group


def _nothing() -> None:
    """A group of verbs does nothing itself."""


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
