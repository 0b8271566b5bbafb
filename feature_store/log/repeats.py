"""Finding events that came before: by id within a table and against stored rows, told apart by content.

Content is every column but `received_at` and `schema`: the same event sent twice arrives at two times.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_store.records.schemas import EVENT_SCHEMA

__all__ = ["Repeats", "conform", "positions", "repeats_within", "same_content"]

_CONTENT = [name for name in EVENT_SCHEMA.names if name not in ("received_at", "schema")]


@dataclass(frozen=True, slots=True)
class Repeats:
    """`rows` of a table repeat earlier events; `same[i]` says whether row i of them has the same content."""

    rows: NDArray[np.int64]
    same: NDArray[np.bool_]


def conform(table: pa.Table) -> pa.Table:
    """`table` with the columns of EVENT_SCHEMA, `test` and `schema` filled in; one chunk per column."""
    columns = [
        table.column(field.name).combine_chunks().cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in EVENT_SCHEMA
    ]
    whole = pa.table(columns, schema=EVENT_SCHEMA)
    for name, default in (("test", False), ("schema", 1)):
        at = EVENT_SCHEMA.get_field_index(name)
        whole = whole.set_column(at, EVENT_SCHEMA.field(at), pc.fill_null(whole.column(at), default))
    return whole


def positions(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> NDArray[np.int64]:
    """For every wanted id its first position in `among`, or -1."""
    found = pc.index_in(wanted, value_set=among.combine_chunks())
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def repeats_within(table: pa.Table) -> Repeats:
    """Rows whose id occurred in an earlier row of the same table."""
    first = positions(table.column("event_id"), table.column("event_id"))
    rows = np.flatnonzero(first != np.arange(len(first)))
    return Repeats(rows, same_content(table.take(rows), table.take(first[rows])))


def same_content(left: pa.Table, right: pa.Table) -> NDArray[np.bool_]:
    """Row by row, whether two tables in EVENT_SCHEMA say the same."""
    same = np.ones(left.num_rows, dtype=np.bool_)
    for name in _CONTENT:
        one, other = left.column(name), right.column(name)
        if one.null_count == other.null_count == len(one):
            continue
        equal = pc.fill_null(pc.equal(one, other), False)
        same &= pc.or_(equal, pc.and_(pc.is_null(one), pc.is_null(other))).to_numpy()
    return same
