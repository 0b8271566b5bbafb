"""Judged events on their way into the log: collected, given ids, appended in large portions.

A portion costs a look and a file per day it touches, so it is large, whatever the reader's batches are.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_store.intake.readers import Batch
from feature_store.intake.rejects import Rejects
from feature_store.log import EventLog
from feature_store.records.codec import json_text
from feature_store.records.column_map import folded
from feature_store.records.event_columns import Validated, validate_objects, validate_table
from feature_store.records.fields import Policy, Rejection
from feature_store.records.row_ids import RowIds
from feature_store.records.schemas import EVENT_SCHEMA

__all__ = ["EventIntake"]

# A year of 1.5 million plain purchases is one portion of 270 MB.
_PORTION = 400 << 20
_MAPS = ("source", "context")


class EventIntake:
    """One source's way into `log`; call `take` per batch, then `finish`."""

    def __init__(self, log: EventLog, source: str, policy: Policy, rejects: Rejects) -> None:
        self.added = self.duplicates = self.conflicts = 0
        self._log, self._source, self._policy, self._rejects = log, source, policy, rejects
        self._ids = RowIds()
        self._waiting: list[tuple[pa.Table, NDArray[np.int64]]] = []

    def take(self, batch: Batch) -> None:
        """Judge the rows of a batch; the good ones wait to be stored."""
        judged = self._judge(batch)
        refused = _rows(batch, [number for number, _ in judged.rejected])
        for (number, why), row in zip(judged.rejected, refused, strict=True):
            self._rejects.add(int(batch.lines[number]), why, row)
        self._waiting.append((judged.events, batch.lines[judged.rows]))
        if sum(events.nbytes for events, _ in self._waiting) >= _PORTION:
            self.finish()

    def _judge(self, batch: Batch) -> Validated:
        if batch.table is not None:
            return validate_table(_gathered(batch.table), self._policy)
        return validate_objects([folded(row, _MAPS) for row in batch.objects], self._policy)

    def finish(self) -> None:
        """Store what waits."""
        if not self._waiting:
            return
        events = self._ids.fill(pa.concat_tables([table for table, _ in self._waiting]))
        lines = np.concatenate([numbers for _, numbers in self._waiting])
        self._waiting = []
        result = self._log.append(_received(events, self._policy.now), self._source)
        self.added += result.added
        self.duplicates += result.duplicates
        self.conflicts += result.conflicts
        self._refuse_conflicts(events, lines, result.conflict_rows)

    def _refuse_conflicts(self, events: pa.Table, lines: NDArray[np.int64], rows: Sequence[int]) -> None:
        for number, row in zip(rows, events.take(pa.array(rows, pa.int64())).to_pylist(), strict=True):
            filled = {name: value for name, value in row.items() if value is not None}
            message = f"event_id: {row['event_id']!r} is known with other content; the first one stays"
            self._rejects.add(int(lines[number]), Rejection("conflict", message, "event_id"), filled)


def _received(events: pa.Table, now: int) -> pa.Table:
    at = EVENT_SCHEMA.get_field_index("received_at")
    return events.set_column(at, EVENT_SCHEMA.field(at), pa.repeat(pa.scalar(now), events.num_rows))


def _rows(batch: Batch, numbers: Sequence[int]) -> list[Mapping[str, object]]:
    if batch.table is None:
        return [batch.objects[number] for number in numbers]
    rows = batch.table.take(pa.array(numbers, pa.int64())).to_pylist()
    return [{name: value for name, value in row.items() if value is not None and value != ""} for row in rows]


def _gathered(table: pa.Table) -> pa.Table:
    """Columns such as `context.page` as one column of JSON objects."""
    for name in _MAPS:
        parts = [column for column in table.column_names if column.startswith(f"{name}.")]
        if parts:
            rows = (folded(row, _MAPS) for row in table.select(parts).to_pylist())
            texts = pa.array([json_text(row.get(name)) for row in rows], pa.string())
            table = table.drop_columns(parts).append_column(name, texts)
    return table
