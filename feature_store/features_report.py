"""What `recsys features` shows: builds with their gates, views, explanations; tables, or JSON for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from feature_store.records.times import to_rfc3339
from feature_store.verdicts import Status
from feature_store.views.build import Build
from feature_store.views.explain import Explanation
from feature_store.views.feature_view import FeatureView

__all__ = ["show_builds", "show_explanation", "show_views"]

_COLOURS: Final = {Status.PASS: "green", Status.WARN: "yellow", Status.FAIL: "red"}


def show_builds(builds: Sequence[Build], *, as_json: bool) -> None:
    """One line per build; below, the gates that did not pass."""
    if as_json:
        typer.echo(orjson.dumps([{**asdict(build), "status": build.status} for build in builds]))
        return
    table = _table("", "view", "until", ("rows", "days computed", "seconds"), "engine")
    for build in builds:
        numbers = (f"{build.rows:,}", f"{build.days_computed:,}", f"{build.seconds:.1f}")
        table.add_row(_verdict(build.status), build.view, to_rfc3339(build.until), *numbers, build.engine)
    console = Console()
    console.print(table)
    gates = _table("", "view", "gate", ("value",), "what it saw")
    for build in builds:
        for gate in build.gates:
            if gate.status is not Status.PASS or len(builds) == 1:
                gates.add_row(_verdict(gate.status), build.view, gate.name, f"{gate.value:.3g}", gate.message)
    if gates.row_count:
        console.print(gates)


def show_views(views: Sequence[FeatureView], last: Mapping[str, Build | None], *, as_json: bool) -> None:
    """One line per view."""
    if as_json:
        rows = [_plain(view, last[view.name]) for view in views]
        typer.echo(orjson.dumps(rows))
        return
    table = _table("view", "entity", ("features", "window days"), "owner", "last build", "what it holds")
    for view in views:
        build = last[view.name]
        cells = (str(len(view.features)), str(view.window_days or "all"), view.owner)
        built = to_rfc3339(build.until) if build else "never"
        table.add_row(view.name, view.entity.value, *cells, built, view.en)
    Console().print(table)


def show_explanation(found: Explanation, limit: int, *, as_json: bool) -> None:
    """The newest `limit` events, then the values they give."""
    if as_json:
        typer.echo(orjson.dumps({**asdict(found), "events": found.events[len(found.events) - limit :]}))
        return
    console = Console()
    shown = found.events[max(0, len(found.events) - limit) :]
    console.print(
        f"{found.view} of {found.shopper} at {to_rfc3339(found.until)}: {len(found.events):,} events, "
        f"the newest {len(shown):,} below"
    )
    events = _table("time", "type", "item", ("units", "amount", "discount", "days before"), "event")
    for event in shown:
        numbers = (_text(event[name]) for name in ("units", "amount", "discount", "age"))
        events.add_row(
            to_rfc3339(event["timestamp"]),
            event["type"],
            event["item_id"] or "–",
            *numbers,
            event["event_id"],
        )
    console.print(events)
    values = _table("value", ("of this shopper",))
    for row in found.rows[:limit]:
        for name, value in row.items():
            values.add_row(name, _text(value))
        values.add_section()
    console.print(values)


def _plain(view: FeatureView, build: Build | None) -> dict[str, Any]:
    return {
        "name": view.name,
        "entity": view.entity.value,
        "features": [feature.name for feature in view.features],
        "window_days": view.window_days,
        "ttl_days": view.ttl_days,
        "owner": view.owner,
        "en": view.en,
        "zh": view.zh,
        "last_build": None if build is None else {**asdict(build), "status": build.status},
    }


def _table(*columns: str | tuple[str, ...]) -> Table:
    """A plain table; names in a tuple are right-aligned."""
    table = Table(box=None)
    for column in columns:
        if isinstance(column, str):
            table.add_column(column, overflow="fold")
        else:
            for name in column:
                table.add_column(name, justify="right")
    return table


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _verdict(status: Status) -> str:
    return f"[{_COLOURS[status]}]{status.value}[/]"
