"""`recsys features`: build the tables of feature views, judge them, explain a shopper's values.

What a command needs is imported when it runs, so that `--help` is quick.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

if TYPE_CHECKING:
    from feature_store.engines import Tables
    from feature_store.views.build import Build

__all__ = ["features"]

features = typer.Typer(
    help="Build, check and explain the features of shoppers and items.", no_args_is_help=True
)

Views = Annotated[list[str] | None, typer.Argument(metavar="[VIEW]...", help="Names of views; default: all.")]
EngineOption = Annotated[
    str | None, typer.Option("--engine", metavar="ENGINE", help="duckdb or spark; default: RECSYS_ENGINE.")
]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Cut: a date, RFC 3339 or ms; default: the shop's midnight after the last event."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@features.command()
def build(
    views: Views = None,
    engine: EngineOption = None,
    until: Until = None,
    full: Annotated[bool, typer.Option("--full", help="Compute every day again.")] = False,
    json: AsJson = False,
) -> None:
    """Build tables of features; only new and changed days are computed. Exit code 1 when a gate FAILs."""
    from feature_store.views.build import build_views
    from feature_store.views.gates import load_thresholds
    from feature_store.views.standard import named_views

    chosen, thresholds = named_views(views or ()), load_thresholds()
    with _tables(engine, until) as tables:
        made = build_views(chosen, tables, thresholds, full=full)
    _show(made.builds, as_json=json)


@features.command()
def validate(views: Views = None, json: AsJson = False) -> None:
    """Show the gates of the last builds; exit code 1 when one FAILs."""
    from feature_store.settings import StoreSettings
    from feature_store.views.build import builds
    from feature_store.views.standard import named_views
    from recsys.errors import InputError

    home = StoreSettings.load().home
    last = [found[-1] for view in named_views(views or ()) if (found := builds(home, view.name))]
    if not last:
        raise InputError("no features are built; next: recsys features build")
    _show(last, as_json=json)


@features.command()
def explain(
    view: Annotated[str, typer.Argument(help="Name of a view.")],
    user: Annotated[str, typer.Argument(help="A shopper's id, any of those merged into one.")],
    engine: EngineOption = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=0, help="Events to show, the newest.")] = 50,
    json: AsJson = False,
) -> None:
    """Show the events and numbers behind a shopper's values."""
    from feature_store.features_report import show_explanation
    from feature_store.views.explain import explain as explained
    from feature_store.views.standard import named_views

    with _tables(engine, until) as tables:
        show_explanation(explained(named_views([view])[0], tables, user), limit, as_json=json)


@features.command(name="list")
def list_views(json: AsJson = False) -> None:
    """List the views: entity, features, window, owner, last build."""
    from feature_store.features_report import show_views
    from feature_store.settings import StoreSettings
    from feature_store.views.build import builds
    from feature_store.views.standard import VIEWS

    home = StoreSettings.load().home
    last = {name: (found[-1] if (found := builds(home, name)) else None) for name in VIEWS}
    show_views(list(VIEWS.values()), last, as_json=json)


def _show(builds: "list[Build] | Any", *, as_json: bool) -> None:
    from feature_store.features_report import show_builds
    from feature_store.verdicts import Status

    show_builds(builds, as_json=as_json)
    if any(made.status is Status.FAIL for made in builds):
        raise typer.Exit(1)


@contextmanager
def _tables(engine: str | None, until: str | None) -> "Iterator[Tables]":
    """The shop's tables as of the cut, shoppers who refuse personalisation left out."""
    from feature_store.database import open_database
    from feature_store.engines import Tables, open_engine
    from feature_store.identity import Identities
    from feature_store.settings import StoreSettings
    from recsys.errors import InputError

    if engine not in (None, "duckdb", "spark"):
        raise InputError(f"there is no engine {engine!r}; take duckdb or spark")
    settings = StoreSettings.load()
    edges = Identities(open_database(settings)).edges()
    cut = _cut(settings, until)
    with open_engine(settings, cast(Literal["duckdb", "spark"] | None, engine)) as opened:
        yield Tables(opened, settings.home, cut, edges, "personalize", settings.zone)


def _cut(settings: Any, until: str | None) -> int:
    from feature_store.records.fields import CellError
    from feature_store.records.times import parse_time
    from feature_store.views.cuts import next_midnight
    from recsys.errors import InputError

    if until is None:
        return next_midnight(settings.home, settings.zone)
    try:
        return parse_time(until, settings.zone, digits=True)
    except CellError as error:
        raise InputError(f"--until: {error}") from None
