"""What an importer hands over: events in the columns of the event table, items and users as values.

Importers only translate. Checking, ids of rows without one, duplicates and storing are the work of `ingest`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.errors import FileFormatError
from recsys.types import Item, Offer, User

__all__ = ["Source", "bare_item", "find", "parquet", "text"]


@dataclass(frozen=True, slots=True)
class Source:
    """A data set: `events()` yields tables with columns of EVENT_SCHEMA, not necessarily all."""

    name: str
    events: Callable[[], Iterator[pa.Table]]
    event_count: int
    items: Sequence[Item] = ()
    users: Sequence[User] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    """What a reader of the result should know, such as that times are synthetic."""


def bare_item(item_id: str) -> Item:
    """An item of which nothing is known but that it can be had."""
    return Item(item_id=item_id, offers=(Offer(sku=item_id),))


def find(folder: Path, name: str) -> Path:
    """`folder/name`, or FileFormatError that says what was expected where."""
    path = folder / name
    if not path.is_file():
        held = (
            ", ".join(sorted(entry.name for entry in folder.iterdir())[:8])
            if folder.is_dir()
            else "no folder"
        )
        raise FileFormatError(f"{str(folder)!r} has no {name} (it holds: {held}); give the data set's folder")
    return path


def parquet(folder: Path, name: str, columns: Sequence[str]) -> pa.Table:
    """Those columns of a Parquet file of the data set, or FileFormatError that names what is missing."""
    path = find(folder, name)
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise FileFormatError(f"{str(path)!r} is not a Parquet file: {error}") from error
    if missing := [column for column in columns if column not in schema.names]:
        raise FileFormatError(f"{str(path)!r} lacks the columns {missing}; it has {schema.names}")
    return pq.read_table(path, columns=list(columns))


def text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as text, for ids."""
    return column.cast(pa.string())
