"""The offline verbs: `train evaluate tune compare promote rollback publish recommend jobs`.

What a verb needs is imported when it runs, so that `--help` is quick and no verb pays for another's libraries.
Results go to stdout, progress and notes to stderr.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from training.report import Steps
    from training.resources import Shop

__all__ = ["compare", "evaluate", "jobs", "promote", "publish", "recommend", "rollback", "train", "tune"]

train = typer.Typer(help="Fit a release on the log.")
evaluate = typer.Typer(help="Measure a release.")
tune = typer.Typer(help="Search for a better configuration.")
compare = typer.Typer(help="Set two releases side by side.")
promote = typer.Typer(help="Make a release live.")
rollback = typer.Typer(help="Go back to the release before.")
publish = typer.Typer(help="Fill the online store.")
recommend = typer.Typer(help="Write lists for many shoppers.")
jobs = typer.Typer(help="Carry out what the console asks for.")

Config = Annotated[
    Path | None, typer.Option(help="TOML with the keys to change; default: configs/default.toml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
ReleaseOption = Annotated[str | None, typer.Option("--release", help="Release id; default: the live one.")]


@train.command("train")
def run_train(
    config: Config = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Learn only from events before this time (RFC 3339).")
    ] = None,
    evaluation: Annotated[bool, typer.Option(help="Measure before the release is made.")] = True,
    json: Annotated[Path | None, typer.Option(metavar="OUT", help="Write figures and times there.")] = None,
) -> None:
    """Fit a release on the log: measured on the last days, refitted on everything, kept in MLflow."""
    from training.present import plain_trained, show_trained, write_json
    from training.tracking import ui_command
    from training.train import Options, train

    with _shop(config) as shop:
        steps = _steps()
        trained = train(shop, Options(_time(until, shop), evaluation), steps)
        show_trained(_stdout(), trained, steps, ui_command(shop.settings.home))
        if json is not None:
            write_json(plain_trained(trained, steps), json)


@evaluate.command("evaluate")
def run_evaluate(
    protocol: Annotated[
        Literal["auto", "frozen", "next", "split"],
        typer.Option(
            help="frozen: every shopper once, at the cut. next: every event of the window, from what was before "
            "it. split: by order, for made-up times. auto: as configured, else what the log allows."
        ),
    ] = "auto",
    cut: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Ask about what came after; default: the last days of the log."),
    ] = None,
    release: ReleaseOption = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Measure a release, or its twin that never saw the test window, beside what a shop would use without it."""
    from training.compare import common_exam, stand_in
    from training.present import json_text, plain_evaluation, show_evaluation
    from training.train import examine

    with _shop(config) as shop:
        steps, release_id = _steps(), shop.release_folder(release).name
        shop.config = shop.config.asking(protocol, touched=True)
        with steps.step("read the log"):
            at = _time(cut, shop)
            exam = common_exam((release_id,), shop.releases, shop.exam) if at is None else shop.exam(at)
        found = examine(stand_in(release_id, shop.releases, exam), exam, steps)
        if json:
            typer.echo(json_text(plain_evaluation(release_id, found)))
        else:
            show_evaluation(_stdout(), found)


@tune.command("tune")
def run_tune(
    trials: Annotated[int, typer.Option(min=1, help="How many more to try.")] = 20,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="S", help="Begin no trial after so many seconds.")
    ] = None,
    config: Config = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the best configuration goes: only changed keys.")
    ] = Path("tuned.toml"),
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Goes on where it exists; default: named by data and configuration."
        ),
    ] = None,
) -> None:
    """Search for a better configuration on the days before the test window, which stays unseen."""
    from training.present import show_notices
    from training.tune.search import Options, tune
    from training.tune.shown import show_tuned

    with _shop(config) as shop:
        steps = _steps()
        tuned = tune(shop, Options(trials, timeout, out, study), steps)
        show_tuned(_stdout(), tuned, shop.config, out)
        show_notices(steps.console, tuned.notices)


@compare.command("compare")
def run_compare(
    challenger: Annotated[str, typer.Argument(help="Release id.")],
    champion: Annotated[str | None, typer.Argument(help="Release id; default: the live one.")] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the page goes; default: reports/ in the home folder."),
    ] = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Ask two releases the same questions: paired differences, overall and by slice, as tables, HTML and JSON."""
    from training.compare import compare
    from training.gate import against_figures
    from training.html_report import write_report
    from training.present import json_text, show_comparison, show_reasons

    with _shop(config) as shop:
        steps, other = _steps(), shop.release_folder(champion).name
        gate = shop.config.gate
        with steps.step("ask both releases"):
            found = compare(challenger, other, shop.releases, shop.exam, steps)
        reasons = against_figures(found, gate)
        page = html or shop.settings.home / "reports" / f"compare-{challenger}-{other}.html"
        with steps.step("write the page"):
            page = write_report(found, gate, page)
        if json:
            typer.echo(json_text({**found.plain(gate), "against": list(reasons), "html": str(page)}))
        else:
            show_comparison(_stdout(), found, gate)
            show_reasons(_stdout(), reasons)
            typer.echo(f"report: {page}")


@promote.command("promote")
def run_promote(
    release: Annotated[str, typer.Argument(help="Release id.")],
    force: Annotated[bool, typer.Option(help="Make it live whatever the gate says.")] = False,
    config: Config = None,
) -> None:
    """Make a release live, if data checks pass and it is not worse than the live one beyond chance."""
    from training.present import show_comparison, show_notices
    from training.promote import promote

    with _shop(config) as shop:
        steps = _steps()
        with steps.step("ask the gate, publish"):
            done = promote(shop, release, steps, force=force)
        if done.verdict is not None and done.verdict.comparison is not None:
            show_comparison(_stdout(), done.verdict.comparison, shop.config.gate)
        show_notices(steps.console, (*done.overruled(), *done.notices))
        typer.echo(f"release {release} is live; to take it back: recsys rollback")


@rollback.command("rollback")
def run_rollback(config: Config = None) -> None:
    """Make the release that was live before live again; nothing is trained and no rule is touched."""
    from training.present import show_notices
    from training.promote import rollback

    with _shop(config) as shop:
        done = rollback(shop)
        show_notices(_stderr(), done.notices)
        typer.echo(f"release {done.pointer.release_id} is live again; before: {done.pointer.previous}")


@publish.command("publish")
def run_publish(
    release: Annotated[str | None, typer.Argument(help="Release id; default: the live one.")] = None,
) -> None:
    """Send a release, the catalogue and shoppers' recent histories to the online store."""
    from training.supply import publish

    with _shop(None) as shop:
        typer.echo(publish(shop, release, _steps()).sentence())


@recommend.command("recommend")
def run_recommend(
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    users: Annotated[
        Path | None,
        typer.Option(help="Shoppers: Parquet, CSV or JSON lines with user_id, or one id per line."),
    ] = None,
    histories: Annotated[
        Path | None,
        typer.Option(help="Parquet: query_id, user_id?, as_of, events; instead of stored events."),
    ] = None,
    k: Annotated[int, typer.Option(min=1, max=1000, help="Items per list.")] = 20,
    exclude_seen: Annotated[bool, typer.Option(help="Leave out what the shopper touched before.")] = False,
    release: ReleaseOption = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="The clock; default: the end of the log.")
    ] = None,
    slot: Annotated[
        Literal["any", "home", "buy-again", "continue"],
        typer.Option(
            help="The place the lists are for: home limits seen items, the shelves show nothing else."
        ),
    ] = "any",
) -> None:
    """Write lists for many shoppers: query_id, user_id, item_id, rank (from 1), score."""
    from training.batch import Batch, recommend

    with _shop(None) as shop:
        batch = Batch(users, histories, out, k, exclude_seen, release, _time(as_of, shop), slot)
        asked, rows = recommend(shop, batch, _stderr())
        typer.echo(f"{rows:,} rows for {asked:,} queries in {out}")


@jobs.command("jobs")
def run_jobs(
    once: Annotated[bool, typer.Option(help="Do what is waiting, then leave.")] = False, config: Config = None
) -> None:
    """Wait for promotions and rollbacks asked for through the online store, and carry them out."""
    from training.jobs import serve

    with _shop(config) as shop:
        serve(shop, once=once, say=lambda line: typer.echo(line, err=True))


@contextmanager
def _shop(config: Path | None) -> Iterator["Shop"]:
    from feature_store.settings import StoreSettings
    from training.config import load_config
    from training.resources import open_shop

    with open_shop(StoreSettings.load(), load_config(config)) as shop:
        yield shop


def _time(text: str | None, shop: "Shop") -> int | None:
    """A time from the command line in ms; without an offset it is in the shop's time zone."""
    from feature_store.records.fields import CellError
    from feature_store.records.times import parse_time
    from recsys.errors import InputError

    try:
        return None if text is None else parse_time(text, shop.settings.zone, digits=True)
    except CellError as error:
        raise InputError(f"time {text!r}: {error}") from None


def _steps() -> "Steps":
    from training.report import Steps

    return Steps(_stderr())


def _stdout() -> "Console":
    from rich.console import Console

    # A pipe has no width; 80 columns would break the figures' tables.
    return Console(width=None if sys.stdout.isatty() else 100)


def _stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True)
