"""Reading parts, and the order of rows in them: shopper, session, time, so that histories lie together."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from feature_store.errors import LogError
from feature_store.records.schemas import EVENT_SCHEMA

__all__ = ["between", "digest", "patiently", "read", "row_order"]

_ATTEMPTS = 5


def read(
    paths: Sequence[Path],
    columns: Sequence[str],
    where: ds.Expression | None = None,
    schema: pa.Schema = EVENT_SCHEMA,
) -> pa.Table:
    """Rows of parts in the order given; columns that a part left out are null."""
    if not paths:
        return schema.empty_table().select(list(columns))
    try:
        dataset = ds.dataset([str(path) for path in paths], schema=schema, format="parquet")
        return dataset.to_table(columns=list(columns), filter=where)
    except pa.ArrowInvalid as error:
        raise LogError(f"a stored part cannot be read: {error}; restore or remove that file") from error


def patiently(reading: Callable[[], pa.Table]) -> pa.Table:
    """`reading()` lists files and reads them; again when a merge replaced files between the two."""
    for _ in range(_ATTEMPTS):
        try:
            return reading()
        except FileNotFoundError:
            continue
    return reading()


def between(since: int | None, until: int | None, where: ds.Expression | None) -> ds.Expression | None:
    """`where` and `since <= timestamp < until`; None when there is no condition at all."""
    time = ds.field("timestamp")
    bounds = [where, None if since is None else time >= since, None if until is None else time < until]
    condition = None
    for bound in bounds:
        if bound is not None:
            condition = bound if condition is None else condition & bound
    return condition


def row_order(table: pa.Table, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row numbers sorted by day, shopper, session and time; ties keep their order."""
    times = table.column("timestamp").to_numpy()
    keys = (times, _rank(table.column("session_id")), _rank(table.column("user_id")), days)
    return np.lexsort(keys).astype(np.int64)


def _rank(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Where each value stands among the sorted distinct ones, -1 for null."""
    encoded = column.combine_chunks().dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = -1
    codes: NDArray[np.int64] = pc.fill_null(encoded.indices, -1).to_numpy()
    return rank[codes]


def digest(ids: pa.ChunkedArray) -> str:
    """16 hex digits that depend on the ids and their order."""
    sha = hashlib.sha256()
    for identifier in ids.to_pylist():
        sha.update(identifier.encode() + b"\n")
    return sha.hexdigest()[:16]
