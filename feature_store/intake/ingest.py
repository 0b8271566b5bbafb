"""Files and data sets into the log and the histories: read, judge, give ids, store, report.

Bad rows go to a rejects file and never stop the rest. Storing is idempotent, so an interrupted or repeated import
is finished by running it again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from feature_store.history import HistoryResult, item_history, user_history
from feature_store.importers.source import Source
from feature_store.intake.event_intake import EventIntake
from feature_store.intake.readers import Batch, Reading, open_batches, read_columns, source_files
from feature_store.intake.rejects import Rejects, rejects_path
from feature_store.intake.thing_intake import ThingIntake
from feature_store.log import EventLog
from feature_store.records.column_map import ColumnMap
from feature_store.records.fields import Policy
from feature_store.records.items import validate_item
from feature_store.records.kinds import NAMES, RowKind
from feature_store.records.users import validate_user
from recsys.errors import InputError

__all__ = ["Intake", "Job", "Report", "import_source", "ingest_files"]


def _silent(_source: str, _rows: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What holds for a whole import: where to, the clock in ms, and how files are to be read."""

    home: Path
    now: int
    columns: ColumnMap = field(default_factory=ColumnMap)
    timezone: ZoneInfo | None = None
    encoding: str = "utf-8"
    language: str | None = None
    progress: Callable[[str, int], None] = _silent
    """Called with the source and how many more rows of it were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one source; read = added + duplicates + conflicts + rejected."""

    kind: RowKind
    source: str
    read: int
    added: int
    duplicates: int
    conflicts: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    rejects: Path | None = None

    @property
    def rejected(self) -> int:
        """Rows that were refused on their own account."""
        return self.read - self.added - self.duplicates - self.conflicts

    @property
    def stored(self) -> int:
        """Rows that are in the store now, thanks to this import or an earlier one."""
        return self.added + self.duplicates


class Intake(Protocol):
    """Judges rows and stores the good ones; refusals are noted on the way."""

    added: int
    duplicates: int
    conflicts: int

    def take(self, batch: Batch) -> None:
        """Judge the rows of a batch."""

    def finish(self) -> None:
        """Store what waits."""


@dataclass(frozen=True, slots=True)
class _Task:
    kind: RowKind
    path: Path
    reading: Reading


def ingest_files(files: Mapping[RowKind, Sequence[Path]], job: Job) -> list[Report]:
    """Store files (or folders of files) of events, items and users. All headers are checked before any row is."""
    return [_run(task, job) for task in _plan(files, job)]


def _plan(files: Mapping[RowKind, Sequence[Path]], job: Job) -> list[_Task]:
    found = [(kind, file) for kind, paths in files.items() for path in paths for file in source_files(path)]
    parts = [job.columns.part_for(NAMES[kind], read_columns(file, job.encoding)) for kind, file in found]
    if len(found) == 1:
        parts = [job.columns]  # the file's own check has the better message
    _refuse_unused(job.columns, parts)
    tasks = [
        _Task(kind, file, Reading(NAMES[kind], columns, job.encoding))
        for (kind, file), columns in zip(found, parts, strict=True)
    ]
    for task in tasks:
        open_batches(task.path, task.reading)
    return tasks


def _refuse_unused(columns: ColumnMap, parts: Iterable[ColumnMap]) -> None:
    used = list(parts)
    for pair in columns.pairs:
        if not any(pair in part.pairs for part in used):
            raise InputError(
                f"--map {'='.join(pair)} fits none of the files: no such column, or no such field"
            )
    for name in sorted(columns.ignored):
        if not any(name in part.ignored for part in used):
            raise InputError(f"--ignore {name}: none of the files has such a column")


def _run(task: _Task, job: Job) -> Report:
    with Rejects(rejects_path(job.home, task.kind, str(task.path.absolute()))) as rejects:
        batches = open_batches(task.path, task.reading)
        return _take_in(task.kind, str(task.path), batches, rejects, job)


def import_source(source: Source, job: Job) -> list[Report]:
    """Store a data set: items and users first, so that a shop is never seen without them, then events."""
    return [
        _store(RowKind.ITEMS, source, item_history(job.home).import_all(source.items, job.now)),
        _store(RowKind.USERS, source, user_history(job.home).import_all(source.users, job.now)),
        _import_events(source, job),
    ]


def _store(kind: RowKind, source: Source, result: HistoryResult) -> Report:
    read = result.added + result.unchanged
    return Report(kind=kind, source=source.name, read=read, added=result.added, duplicates=result.unchanged)


def _import_events(source: Source, job: Job) -> Report:
    with Rejects(rejects_path(job.home, RowKind.EVENTS, source.name)) as rejects:
        return _take_in(RowKind.EVENTS, source.name, _numbered(source.events()), rejects, job)


def _numbered(tables: Iterator[pa.Table]) -> Iterator[Batch]:
    row = 1
    for table in tables:
        yield Batch(np.arange(row, row + table.num_rows), table=table)
        row += table.num_rows


def _take_in(kind: RowKind, source: str, batches: Iterator[Batch], rejects: Rejects, job: Job) -> Report:
    intake = _intake(kind, source, rejects, job)
    read = 0
    for batch in batches:
        for broken in batch.broken:
            rejects.add(broken.line, broken.why, broken.text)
        intake.take(batch)
        rows = len(batch.lines) + len(batch.broken)
        read += rows
        job.progress(source, rows)
    intake.finish()
    return Report(
        kind=kind,
        source=source,
        read=read,
        added=intake.added,
        duplicates=intake.duplicates,
        conflicts=intake.conflicts,
        reasons=dict(rejects.reasons),
        rejects=rejects.path if rejects.reasons else None,
    )


def _intake(kind: RowKind, source: str, rejects: Rejects, job: Job) -> Intake:
    if kind is RowKind.EVENTS:
        policy = Policy(job.now, job.timezone, from_file=True)
        return EventIntake(EventLog(job.home / "events"), Path(source).name, policy, rejects)
    if kind is RowKind.ITEMS:
        item = partial(
            validate_item, now=job.now, timezone=job.timezone, from_file=True, language=job.language
        )
        return ThingIntake(item_history(job.home), item, job.now, rejects)
    user = partial(validate_user, now=job.now, timezone=job.timezone, from_file=True)
    return ThingIntake(user_history(job.home), user, job.now, rejects)
