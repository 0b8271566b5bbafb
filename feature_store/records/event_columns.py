"""Validating events by the column, for files: the verdicts of `events.clean_event`, many times as fast.

Columns are read at once; only rows with a doubtful cell go through the row validator, which has the last
word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_store.records.codec import json_text
from feature_store.records.column_cells import Mask, read_column
from feature_store.records.events import EVENT_FIELDS, clean_event
from feature_store.records.fields import Field, Policy, Rejection, RowError
from feature_store.records.object_columns import columns_of
from feature_store.records.schemas import EVENT_SCHEMA

__all__ = ["Validated", "rows_to_table", "validate_objects", "validate_rows", "validate_table"]

_SMALL = 256


@dataclass(frozen=True, slots=True)
class Validated:
    """`events` in EVENT_SCHEMA (`event_id` may be null) from input rows `rows`; the others with reasons."""

    events: pa.Table
    rows: NDArray[np.int64]
    rejected: Sequence[tuple[int, Rejection]]


def validate_table(table: pa.Table, policy: Policy) -> Validated:
    """Judge every row of a file's table, whose columns are all known by name (`policy.from_file` is assumed)."""
    fast, surely = _surely_right(table, policy)
    return _with_doubtful(fast, surely, table.num_rows, lambda rows: table.take(rows).to_pylist(), policy)


def validate_objects(objects: Sequence[Mapping[str, Any]], policy: Policy) -> Validated:
    """Judge every row of a file of objects: by columns where fields hold one type, else in ever smaller portions."""
    table = columns_of(objects, EVENT_FIELDS)
    if table is None and len(objects) > _SMALL:
        half = len(objects) // 2
        return _joined(
            validate_objects(objects[:half], policy), half, validate_objects(objects[half:], policy)
        )
    if table is None:
        return validate_rows(objects, policy)
    fast, surely = _surely_right(table, policy)
    known = EVENT_FIELDS.keys()
    named = np.array([row.keys() <= known for row in (objects[at] for at in surely)], dtype=np.bool_)
    fast, surely = fast.take(np.flatnonzero(named)), surely[named]
    return _with_doubtful(fast, surely, len(objects), lambda rows: [objects[row] for row in rows], policy)


def _joined(first: Validated, offset: int, second: Validated) -> Validated:
    return Validated(
        pa.concat_tables([first.events, second.events]),
        np.concatenate([first.rows, second.rows + offset]),
        [*first.rejected, *((row + offset, why) for row, why in second.rejected)],
    )


def _surely_right(table: pa.Table, policy: Policy) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows that every column reader understood, in EVENT_SCHEMA, and their numbers."""
    columns: dict[str, pa.Array] = {}
    right = np.ones(table.num_rows, dtype=np.bool_)
    for name in table.column_names:
        columns[name], readable = read_column(EVENT_FIELDS[name], _whole(table.column(name)), policy)
        right &= readable
    right &= _complete(columns, table.num_rows)
    surely = np.flatnonzero(right)
    return _in_schema(columns, table.num_rows).take(surely), surely


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


def _with_doubtful(
    fast: pa.Table,
    surely: NDArray[np.int64],
    count: int,
    originals: Callable[[NDArray[np.int64]], Sequence[Mapping[str, Any]]],
    policy: Policy,
) -> Validated:
    doubtful = np.setdiff1d(np.arange(count), surely, assume_unique=True)
    if not len(doubtful):
        return Validated(fast, surely, [])
    slow = validate_rows(originals(doubtful), policy)
    rows = np.concatenate([surely, doubtful[slow.rows]])
    order = np.argsort(rows)
    events = pa.concat_tables([fast, slow.events]).take(order)
    return Validated(events, rows[order], [(int(doubtful[number]), why) for number, why in slow.rejected])
