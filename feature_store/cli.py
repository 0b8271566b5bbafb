"""`recsys data`: import public data sets, ingest files, validate what is stored, simulate a shop.

What a command needs is imported when it runs, so that `--help` is quick. Summaries go to stdout, progress to stderr.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feature_store.simulator_cli import simulate

if TYPE_CHECKING:
    from feature_store.importers.source import Source

__all__ = ["data"]

data = typer.Typer(help="Bring in events, items and users; validate; simulate a shop.", no_args_is_help=True)
importing = typer.Typer(help="Import a public data set.", no_args_is_help=True)
data.add_typer(importing, name="import")
data.command()(simulate)

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="The data set's folder.")]
Files = Annotated[
    list[Path] | None, typer.Option(help="Parquet, CSV, TSV or JSON lines, or a folder of them; repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@importing.command("complete-journey")
def import_complete_journey(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="Folder of its tables; default: the installed wheel."),
    ] = None,
    json: AsJson = False,
) -> None:
    """dunnhumby's Complete Journey: 1,469,307 purchases of 2,469 households in 2017."""
    from feature_store.importers.complete_journey import complete_journey

    _import(lambda: complete_journey(path), json)


@importing.command("retailrocket")
def import_retailrocket(path: Folder, json: AsJson = False) -> None:
    """RetailRocket: 97,381 views, carts and purchases with times."""
    from feature_store.importers.retailrocket import retailrocket

    _import(lambda: retailrocket(path), json)


@importing.command("taobao")
def import_taobao(path: Folder, json: AsJson = False) -> None:
    """Taobao: 1,130,712 views, carts and purchases without times."""
    from feature_store.importers.taobao import taobao

    _import(lambda: taobao(path), json)


@importing.command("diginetica")
def import_diginetica(path: Folder, json: AsJson = False) -> None:
    """Diginetica: 186,670 sessions of views without times."""
    from feature_store.importers.diginetica import diginetica

    _import(lambda: diginetica(path), json)


@data.command()
def ingest(
    events: Files = None,
    items: Files = None,
    users: Files = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="OURS=THEIRS", help="Such as title=名称; repeatable.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column not to read; repeatable.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Zone of times without one, such as Asia/Shanghai.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of text files, such as gb18030.")] = "utf-8",
    language: Annotated[
        str | None, typer.Option(help="Of plain titles, such as zh; default: zh or en by script.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Store files of events, items and users. Doing it again changes nothing; bad rows go to a rejects file."""
    from feature_store.cli_report import reading, show_reports
    from feature_store.intake.ingest import Job, ingest_files
    from feature_store.records.column_map import ColumnMap
    from feature_store.records.kinds import RowKind
    from feature_store.records.times import zone
    from recsys.errors import InputError

    files = {RowKind.ITEMS: items or [], RowKind.USERS: users or [], RowKind.EVENTS: events or []}
    if not any(files.values()):
        raise InputError("nothing to ingest: give --events, --items or --users with a file")
    with reading() as progress:
        job = Job(
            home=_home(),
            now=_now(),
            columns=ColumnMap.parse(map_ or (), ignore or ()),
            timezone=zone(timezone) if timezone else None,
            encoding=encoding,
            language=language,
            progress=progress,
        )
        reports = ingest_files(files, job)
    show_reports(reports, as_json=json)
    if any(report.rejected for report in reports) and not any(report.stored for report in reports):
        raise typer.Exit(1)


@data.command()
def validate(json: AsJson = False) -> None:
    """Check what is stored; exit code 1 when a check FAILs."""
    from feature_store.checks import Status, run_checks
    from feature_store.cli_report import show_checks

    results = run_checks(_home(), _now())
    show_checks(results, as_json=json)
    if any(result.status is Status.FAIL for result in results):
        raise typer.Exit(1)


def _import(load: "Callable[[], Source]", json: bool) -> None:
    from feature_store.cli_report import reading, show_reports
    from feature_store.intake.ingest import Job, import_source

    with reading() as progress:
        source = load()
        progress.expect(source.name, source.event_count)
        reports = import_source(source, Job(home=_home(), now=_now(), progress=progress))
    show_reports(reports, source.notes, as_json=json)


def _home() -> Path:
    from feature_store.settings import StoreSettings

    return StoreSettings.load().home


def _now() -> int:
    import time

    return int(time.time() * 1000)
