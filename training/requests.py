"""Who a batch of lists is for: files of shoppers, or of histories that stand in for the stored ones.

Invariants: files are read in batches, so their length does not matter; a query id comes once; a row that
cannot be understood is refused by its query id, never guessed at.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.records.fields import CellError
from feature_store.records.times import parse_time
from recsys.errors import InputError
from recsys.types import EVENT_CODES, EventType

__all__ = ["Entry", "Request", "read_histories", "read_users"]

Entry = tuple[str, int, int]
"""(item_id, code from EVENT_CODES, time in ms)"""

_BATCH: Final = 1_000
_CODES: Final = {kind.value: EVENT_CODES[kind] for kind in EventType}
_PARTS: Final = ("item_id", "type", "timestamp")


@dataclass(frozen=True, slots=True)
class Request:
    """One list to make. `events` None means the stored history, `as_of` None the clock of the job."""

    query_id: str
    user_id: str | None
    as_of: int | None = None
    events: tuple[Entry, ...] | None = None


def read_users(path: Path) -> Iterator[Request]:
    """Shoppers named in a Parquet, CSV or JSON lines file (column `user_id`) or one id per line.

    A shopper named twice is asked for once. Raises InputError for a file without such a column.
    """
    reader = _USER_READERS.get(path.suffix.lower(), _plain_lines)
    named = dict.fromkeys(reader(_existing(path)))
    return (Request(user_id, user_id) for user_id in named)


def read_histories(path: Path) -> Iterator[Request]:
    """Rows `query_id`, optional `user_id` and `as_of`, `events` (list of {item_id, type, timestamp}).

    Times are integers (ms), RFC 3339 text or Arrow timestamps (without a zone: UTC). Raises InputError naming
    the column or the query that is wrong.
    """
    file = _open_parquet(path)
    _require_columns(path, file.schema_arrow)
    wanted = [name for name in ("query_id", "user_id", "as_of", "events") if name in file.schema_arrow.names]
    return _histories(file, wanted)


def _histories(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[Request]:
    asked: set[str] = set()
    for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
        for row in _with_integer_times(batch).to_pylist():
            request = _request(row)
            if request.query_id in asked:
                raise InputError(f"query {request.query_id!r} comes twice; a query id names one list")
            asked.add(request.query_id)
            yield request


def _request(row: dict[str, Any]) -> Request:
    if row["query_id"] is None:
        raise InputError("a row of the histories has no query_id; number the rows if there is nothing better")
    query_id, user_id = str(row["query_id"]), row.get("user_id")
    try:
        as_of = None if row.get("as_of") is None else parse_time(row["as_of"], None, digits=True)
        events = tuple(_entry(event) for event in row["events"] or ())
    except (CellError, KeyError, TypeError) as error:
        raise InputError(f"query {query_id!r}: {error}") from None
    return Request(query_id, None if user_id is None else str(user_id), as_of, events)


def _entry(event: dict[str, Any]) -> Entry:
    missing = [name for name in _PARTS if event[name] is None]
    if missing:
        raise CellError("missing", f"an event has no {missing[0]}: {event!r}")
    if event["type"] not in _CODES:
        known = ", ".join(_CODES)
        raise CellError("unknown_value", f"event type {event['type']!r} is unknown; known are {known}")
    return str(event["item_id"]), _CODES[event["type"]], parse_time(event["timestamp"], None, digits=True)


def _require_columns(path: Path, schema: pa.Schema) -> None:
    for name in ("query_id", "events"):
        if name not in schema.names:
            raise InputError(f"{path.name!r} has no column {name!r}; it has: {', '.join(schema.names)}")
    kind = schema.field("events").type
    if not _holds_events(kind):
        raise InputError(
            f"column 'events' of {path.name!r} is {kind}; it must be a list of {{item_id, type, timestamp}}"
        )


def _holds_events(kind: pa.DataType) -> bool:
    """A list of events; where no query has any event, writers leave the type of an element open."""
    if pa.types.is_null(kind):
        return True
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    element = kind.value_type
    is_event = pa.types.is_struct(element) and {field.name for field in element} >= set(_PARTS)
    return is_event or pa.types.is_null(element)


def _with_integer_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Arrow timestamps of any unit, also inside events, as integer ms; finer fractions are cut off."""
    columns = [_integer_times(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _integer_times(column: pa.Array) -> pa.Array:
    in_ms = column.cast(_each_timestamp(column.type, lambda kind: pa.timestamp("ms", kind.tz)), safe=False)
    return in_ms.cast(_each_timestamp(in_ms.type, lambda _: pa.int64()))


def _each_timestamp(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """The same type with every timestamp in it changed."""
    if pa.types.is_timestamp(kind):
        return change(kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_each_timestamp(kind.value_type, change))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_each_timestamp(field.type, change)) for field in kind])
    return kind


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(_existing(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path.name!r} cannot be read as Parquet: {error}") from None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}")
    return path


def _parquet_ids(path: Path) -> Iterator[str]:
    file = _open_parquet(path)
    column = _user_column(path, file.schema_arrow.names)
    for batch in file.iter_batches(columns=[column]):
        yield from (str(value) for value in batch.column(0).to_pylist() if value is not None)


def _csv_ids(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        column = _user_column(path, reader.fieldnames or ())
        yield from (row[column] for row in reader if row[column])


def _json_ids(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                yield str(value["user_id"] if isinstance(value, dict) else value)
            except (json.JSONDecodeError, KeyError):
                raise InputError(f"line {number} of {path.name!r} is not JSON with a user_id") from None


def _plain_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        yield from (identifier for line in file if (identifier := line.strip()))


def _user_column(path: Path, names: Sequence[str]) -> str:
    if "user_id" not in names:
        raise InputError(
            f"{path.name!r} has no column 'user_id'; it has: {', '.join(names) or 'none'}. "
            "Name the column user_id, or give a .txt file with one id per line"
        )
    return "user_id"


_USER_READERS: Final[Mapping[str, Callable[[Path], Iterator[str]]]] = {
    ".parquet": _parquet_ids,
    ".csv": _csv_ids,
    ".jsonl": _json_ids,
    ".ndjson": _json_ids,
    ".json": _json_ids,
}
