"""Validating events by the column, for files: the verdicts of `events.clean_event`, many times as fast.

Columns are read at once; only rows with a doubtful cell go through the row validator, which has the last
word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_store.codec import json_text
from feature_store.column_cells import Mask, read_column
from feature_store.events import EVENT_FIELDS, clean_event
from feature_store.fields import Field, Policy, Rejection, RowError
from feature_store.schemas import EVENT_SCHEMA

__all__ = ["Validated", "rows_to_table", "validate_rows", "validate_table"]


@dataclass(frozen=True, slots=True)
class Validated:
    """`events` in EVENT_SCHEMA (`event_id` may be null) from input rows `rows`; the others with reasons."""

    events: pa.Table
    rows: NDArray[np.int64]
    rejected: Sequence[tuple[int, Rejection]]


def validate_table(table: pa.Table, policy: Policy) -> Validated:
    """Judge every row of a table whose columns are all known by name; `table` has one chunk per column."""
    columns: dict[str, pa.Array] = {}
    right = np.ones(table.num_rows, dtype=np.bool_)
    for name in table.column_names:
        columns[name], readable = read_column(EVENT_FIELDS[name], _whole(table.column(name)), policy)
        right &= readable
    right &= _complete(columns, table.num_rows)
    surely = np.flatnonzero(right)
    fast = _in_schema(columns, table.num_rows).take(surely)
    return _with_doubtful(table, fast, surely, policy)


def validate_rows(rows: Sequence[Mapping[str, object]], policy: Policy) -> Validated:
    """Judge every row by the row validator alone, for rows that come as objects."""
    good: list[dict[str, object]] = []
    numbers: list[int] = []
    rejected: list[tuple[int, Rejection]] = []
    for number, row in enumerate(rows):
        try:
            good.append(clean_event(row, policy))
            numbers.append(number)
        except RowError as error:
            rejected.append((number, error.rejection))
    return Validated(rows_to_table(good), np.array(numbers, dtype=np.int64), rejected)


def rows_to_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Clean event cells as a table in EVENT_SCHEMA."""
    columns = {name: [row.get(name) for row in rows] for name in EVENT_SCHEMA.names}
    for name in ("source", "context", "detail"):
        columns[name] = [json_text(value) for value in columns[name]]
    return pa.table(columns, schema=EVENT_SCHEMA)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _complete(columns: Mapping[str, pa.Array], count: int) -> Mask:
    """Which rows have every field that their type needs."""
    complete = np.ones(count, dtype=np.bool_)
    for field in EVENT_FIELDS.values():
        if field.required_for:
            complete &= ~_needs(field, columns, count) | _has(field, columns, count)
    return complete


def _needs(field: Field, columns: Mapping[str, pa.Array], count: int) -> Mask:
    if "type" not in columns or field.name == "type":
        return np.ones(count, dtype=np.bool_)
    needing = pc.is_in(columns["type"], value_set=pa.array(sorted(field.required_for), pa.string()))
    mask: Mask = needing.to_numpy(zero_copy_only=False)
    return mask


def _has(field: Field, columns: Mapping[str, pa.Array], count: int) -> Mask:
    has = np.zeros(count, dtype=np.bool_)
    for name in (field.name, field.unless):
        if name is not None and name in columns:
            has |= columns[name].is_valid().to_numpy(zero_copy_only=False)
    return has


def _in_schema(columns: Mapping[str, pa.Array], count: int) -> pa.Table:
    arrays = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in EVENT_SCHEMA
    ]
    return pa.table(arrays, schema=EVENT_SCHEMA)


def _with_doubtful(table: pa.Table, fast: pa.Table, surely: NDArray[np.int64], policy: Policy) -> Validated:
    doubtful = np.setdiff1d(np.arange(table.num_rows), surely, assume_unique=True)
    if not len(doubtful):
        return Validated(fast, surely, [])
    slow = validate_rows(table.take(doubtful).to_pylist(), policy)
    rows = np.concatenate([surely, doubtful[slow.rows]])
    order = np.argsort(rows)
    events = pa.concat_tables([fast, slow.events]).take(order)
    return Validated(events, rows[order], [(int(doubtful[number]), why) for number, why in slow.rejected])
