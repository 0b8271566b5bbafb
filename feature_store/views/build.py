"""Offline tables: `features/<view>/<until>.parquet` per cut, and a manifest that says how each came about.

A table is whole or absent; building the same cut again replaces it. The daily aggregates that views share are
brought up to date once, then each view sums them. A cut before that of the last build is made of the log itself.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_store.engines.tables import Tables
from feature_store.log.lock import writer_lock
from feature_store.verdicts import Status
from feature_store.views.daily_store import DailyStore
from feature_store.views.feature_view import FeatureView, Scope
from feature_store.views.gates import Gate, LogFacts, Thresholds, gates, log_facts

__all__ = ["Build", "Built", "build_views", "builds", "forget", "read_table"]


@dataclass(frozen=True, slots=True)
class Build:
    """A table of a view: its cut (ms), rows, SHA-256 of its content's file, how it was made and judged."""

    view: str
    until: int
    rows: int
    sha256: str
    engine: str
    view_version: int
    code_version: str
    days_computed: int
    seconds: float
    gates: Sequence[Gate]

    @property
    def status(self) -> Status:
        """The worst verdict of its gates."""
        verdicts = {gate.status for gate in self.gates}
        return next((status for status in (Status.FAIL, Status.WARN) if status in verdicts), Status.PASS)


@dataclass(frozen=True, slots=True)
class Built:
    """All builds of one run, and what the log was like."""

    builds: Sequence[Build]
    log: LogFacts


def build_views(
    views: Sequence[FeatureView], tables: Tables, thresholds: Thresholds, *, full: bool = False
) -> Built:
    """Build every view at the tables' `until`; `full` computes every day again. BusyError while another builds."""
    root = tables.home / "features"
    with writer_lock(root):
        store = DailyStore(tables)
        names = sorted({name for view in views for name in view.dailies})
        past = any(store.reaches(name) > tables.until for name in names) and not full
        computed = {} if past else {name: store.refresh(name, full=full).computed for name in names}
        log = log_facts(tables)
        made = []
        for view in views:
            scope = Scope(tables) if past else Scope(tables, _windowed(store, view))
            days = sum(computed.get(name, 0) for name in view.dailies)
            made.append(_build(view, scope, log, thresholds, days))
    return Built(made, log)


def _windowed(store: DailyStore, view: FeatureView) -> Any:
    return lambda name: store.rows(name, view.window_days)


def _build(view: FeatureView, scope: Scope, log: LogFacts, thresholds: Thresholds, days: int) -> Build:
    start, tables = time.monotonic(), scope.tables
    table = view.rows(scope)
    earlier = [build for build in builds(tables.home, view.name) if build.until < tables.until]
    before = read_table(tables.home, view, earlier[-1].until) if earlier else None
    path = _path(tables.home, view.name, tables.until)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(table, unfinished, compression="zstd")
    made = Build(
        view=view.name,
        until=tables.until,
        rows=table.num_rows,
        sha256=hashlib.sha256(unfinished.read_bytes()).hexdigest(),
        engine=tables.engine.name,
        view_version=view.version,
        code_version=_code_version(),
        days_computed=days,
        seconds=round(time.monotonic() - start, 3),
        gates=gates(view, table, before, log, thresholds),
    )
    unfinished.rename(path)
    others = [build for build in builds(tables.home, view.name) if build.until != made.until]
    _write_manifest(path.parent, sorted([*others, made], key=lambda build: build.until))
    return made


def builds(home: Path, view: str) -> list[Build]:
    """The builds of a view, by their cut, oldest first."""
    path = home / "features" / view / "manifest.json"
    if not path.exists():
        return []
    return [_from_json(row) for row in orjson.loads(path.read_bytes())]


def read_table(home: Path, view: FeatureView, until: int) -> pa.Table:
    """The stored table of a cut, in the view's columns; a feature that is newer than the table is null."""
    table = pq.read_table(_path(home, view.name, until), partitioning=None)
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in view.schema
    ]
    return pa.table(columns, schema=view.schema)


def forget(home: Path, user_ids: Sequence[str]) -> int:
    """Rewrite every stored table and daily aggregate without these shoppers; returns how many rows went.

    Erase them from the log first: the next build makes its days of the log.
    """
    ids, gone = pa.array(sorted(set(user_ids)), pa.string()), 0
    root = home / "features"
    with writer_lock(root):
        for path in root.rglob("*.parquet"):
            table = pq.read_table(path, partitioning=None)
            kept = _without(table, ids)
            if kept.num_rows < table.num_rows:
                gone += table.num_rows - kept.num_rows
                unfinished = path.with_suffix(".unfinished")
                pq.write_table(kept, unfinished, compression="zstd")
                unfinished.rename(path)
        for manifest in root.glob("*/manifest.json"):
            found = builds(home, manifest.parent.name)
            _write_manifest(manifest.parent, [_recounted(home, build) for build in found])
    return gone


def _without(table: pa.Table, ids: pa.Array) -> pa.Table:
    for name in {"user_id", "shopper"} & set(table.column_names):
        table = table.filter(pc.invert(pc.is_in(table[name], value_set=ids)))
    return table


def _recounted(home: Path, build: Build) -> Build:
    path = _path(home, build.view, build.until)
    rows = pq.read_metadata(path).num_rows
    return replace(build, rows=rows, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def _path(home: Path, view: str, until: int) -> Path:
    return home / "features" / view / f"{until}.parquet"


def _write_manifest(folder: Path, entries: Sequence[Build]) -> None:
    unfinished = folder / "manifest.unfinished"
    unfinished.write_bytes(orjson.dumps([asdict(entry) for entry in entries], option=orjson.OPT_INDENT_2))
    unfinished.rename(folder / "manifest.json")


def _from_json(row: dict[str, Any]) -> Build:
    verdicts = [Gate(**{**gate, "status": Status(gate["status"])}) for gate in row.pop("gates")]
    return Build(**row, gates=verdicts)


def _code_version() -> str:
    try:
        return version("recsys-shop")
    except PackageNotFoundError:
        return "unknown"
