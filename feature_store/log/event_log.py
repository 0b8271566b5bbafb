"""EventLog: what happened, in Parquet parts by UTC event day.

Invariants: an event id is in the log at most once; a part is complete or absent; parts change only by erasure
and compaction; a batch of stream entries may be written again, wholly or in part, without effect.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from feature_store.log import parts
from feature_store.log.lock import writer_lock
from feature_store.log.reading import between, digest, patiently, read, row_order
from feature_store.log.repeats import conform, positions, repeats_within, same_content
from feature_store.records.codec import events_to_table
from feature_store.records.schemas import EVENT_SCHEMA
from recsys.errors import InputError
from recsys.types import Event

__all__ = ["AppendResult", "EventLog"]


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of appended rows; `conflict_rows` are row numbers of the table, ascending."""

    added: int
    duplicates: int
    conflict_rows: tuple[int, ...] = ()

    @property
    def conflicts(self) -> int:
        """How many rows carry a known id with other content."""
        return len(self.conflict_rows)


class EventLog:
    """The log in the folder `root` (`RECSYS_HOME/events`); nothing is created before the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def append(self, table: pa.Table, source_name: str) -> AppendResult:
        """Add the rows of an import; `table` has columns of EVENT_SCHEMA and an id in every row.

        Ids are checked within the table and against every day it touches: first wins. A crash half-way leaves
        whole days, and the same call afterwards adds the rest.
        """
        table = conform(table)
        with writer_lock(self.root):
            known = repeats_within(table)
            days = table.column("timestamp").to_numpy() // parts.DAY
            stored, stored_same = self._stored(table, days)
            stored[known.rows] = stored_same[known.rows] = False
            conflicts = np.concatenate([known.rows[~known.same], np.flatnonzero(stored & ~stored_same)])
            fresh = ~stored
            fresh[known.rows] = False
            self._write_days(table, days, fresh, source_name)
        added = int(fresh.sum())
        duplicates = table.num_rows - added - len(conflicts)
        return AppendResult(added, duplicates, tuple(int(row) for row in np.sort(conflicts)))

    def _stored(
        self, table: pa.Table, days: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Per row: is the id stored on a touched day, and if so with the same content?"""
        files = [path for day in np.unique(days) for path in self._parts(int(day))]
        stored = np.zeros(table.num_rows, dtype=np.bool_)
        same = np.zeros(table.num_rows, dtype=np.bool_)
        if not files:
            return stored, same
        ids = read(files, ["event_id", "timestamp"])
        at = positions(table.column("event_id"), ids.column("event_id"))
        stored = at >= 0
        there = np.where(stored, ids.column("timestamp").to_numpy()[at] // parts.DAY, -1)
        # The same id on another day has another time, hence other content: no need to look at it.
        for day in np.unique(there[stored & (there == days)]):
            rows = np.flatnonzero(stored & (there == day) & (days == day))
            kept = read(self._parts(int(day)), EVENT_SCHEMA.names)
            mine = table.take(rows)
            same[rows] = same_content(mine, kept.take(positions(mine["event_id"], kept["event_id"])))
        return stored, same

    def _write_days(
        self, table: pa.Table, days: NDArray[np.int64], fresh: NDArray[np.bool_], source: str
    ) -> None:
        rows = np.flatnonzero(fresh)
        rows = rows[row_order(table.take(rows), days[rows])]
        bounds = np.flatnonzero(np.diff(days[rows], prepend=-1, append=-1))
        ordered = table.take(rows)
        for start, stop in pairwise(bounds):
            part = ordered.slice(start, stop - start)
            name = f"import-{digest(part.column('event_id'))}.parquet"
            parts.write_part(self._folder(int(days[rows[start]])), name, part, source)

    def write_stream_batch(self, entries: Sequence[tuple[str, Event]]) -> AppendResult:
        """Write stream entries `(stream_id, event)` in stream order, durably; the worker's way in.

        An entry is skipped when its day already has its stream id, so the worker repeats from the oldest
        untrimmed entry after a crash. An event whose id the day already holds is dropped (first wins).
        """
        stream_ids = [parts.parse_stream_id(stream_id) for stream_id, _ in entries]
        if any(one >= other for one, other in pairwise(stream_ids)):
            raise InputError("stream entries must come in ascending order of their ids")
        by_day: dict[int, list[int]] = {}
        for row, (_, event) in enumerate(entries):
            by_day.setdefault(event.timestamp // parts.DAY, []).append(row)
        with writer_lock(self.root):
            added = 0
            for day, rows in sorted(by_day.items()):
                newest = parts.committed(self._folder(day))
                pending = [row for row in rows if newest is None or stream_ids[row] > newest]
                if pending:
                    name = parts.stream_part_name(stream_ids[pending[0]], stream_ids[pending[-1]])
                    added += self._write_stream_part(day, name, [entries[row][1] for row in pending])
        return AppendResult(added, len(entries) - added)

    def _write_stream_part(self, day: int, name: str, events: Sequence[Event]) -> int:
        table = conform(events_to_table(events))
        fresh = np.ones(table.num_rows, dtype=np.bool_)
        fresh[repeats_within(table).rows] = False
        if files := self._parts(day):
            fresh &= positions(table["event_id"], read(files, ["event_id"])["event_id"]) < 0
        table = table.take(np.flatnonzero(fresh))
        if table.num_rows:
            table = table.take(row_order(table, np.full(table.num_rows, day)))
            parts.write_part(self._folder(day), name, table, "stream")
        return int(table.num_rows)

    def scan(
        self,
        since: int | None = None,
        until: int | None = None,
        columns: Sequence[str] | None = None,
        where: ds.Expression | None = None,
    ) -> pa.Table:
        """Events with `since <= timestamp < until` (ms) that satisfy `where`; columns as in EVENT_SCHEMA."""
        names = list(columns) if columns is not None else EVENT_SCHEMA.names
        condition = between(since, until, where)
        return patiently(lambda: read(self.files(since, until), names, condition))

    def dataset(self) -> ds.Dataset:
        """The whole log for an engine that streams; every column of EVENT_SCHEMA is there."""
        return ds.dataset([str(path) for path in self.files()], schema=EVENT_SCHEMA, format="parquet")

    def files(self, since: int | None = None, until: int | None = None) -> list[Path]:
        """The parts of the days in [since, until), in order of the day."""
        low = None if since is None else since // parts.DAY
        high = None if until is None else -(-until // parts.DAY)
        chosen = (day for day in self.days() if (low is None or day >= low) and (high is None or day < high))
        return [path for day in chosen for path in self._parts(day)]

    def days(self) -> list[int]:
        """Days since the epoch that have a folder, ascending."""
        if not self.root.is_dir():
            return []
        return sorted(day for path in self.root.iterdir() if (day := parts.day_of(path.name)) is not None)

    def compact(self, day: int) -> int:
        """Merge the stream parts of one day into one; returns how many files went away."""
        with writer_lock(self.root):
            folder = self._folder(day)
            ranged = {path: span for path in self._parts(day) if (span := parts.stream_range(path))}
            if len(ranged) > 1:
                table = conform(read(list(ranged), EVENT_SCHEMA.names))
                spans = ranged.values()
                name = parts.stream_part_name(
                    min(first for first, _ in spans), max(last for _, last in spans)
                )
                table = table.take(row_order(table, np.full(table.num_rows, day)))
                parts.write_part(folder, name, table, "stream")
            return parts.remove_superseded(folder)

    def erase(self, user_ids: Collection[str], session_ids: Collection[str] = ()) -> int:
        """Rewrite every part with events of these shoppers without them; returns how many events went."""
        users, sessions = (pa.array(sorted(ids), pa.string()) for ids in (user_ids, session_ids))
        erased = 0
        with writer_lock(self.root):
            for path in self.files():
                table = read([path], EVENT_SCHEMA.names)
                by_user = pc.is_in(table["user_id"], value_set=users)
                hit = pc.or_(by_user, pc.is_in(table["session_id"], value_set=sessions))
                if gone := int(pc.sum(hit).as_py() or 0):
                    parts.write_part(path.parent, path.name, conform(table.filter(pc.invert(hit))), "erasure")
                    erased += gone
        return erased

    def _folder(self, day: int) -> Path:
        return self.root / parts.day_folder(day)

    def _parts(self, day: int) -> list[Path]:
        return parts.live_parts(self._folder(day))
