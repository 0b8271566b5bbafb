"""The files of the log: names, which of them count, and how one comes into being.

A part appears complete or not at all (written beside, synced, renamed). `import-<hash>` comes from a file,
`stream-<first>-<last>` from the event stream; its name says which stream entries it holds. A stream part
whose range lies within another's is superseded (a compaction was cut short) and does not count.
"""

import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.errors import InputError

__all__ = [
    "DAY",
    "StreamId",
    "StreamRange",
    "committed",
    "day_folder",
    "day_of",
    "live_parts",
    "parse_stream_id",
    "remove_superseded",
    "stream_part_name",
    "stream_range",
    "write_part",
]

DAY: Final = 86_400_000
StreamId = tuple[int, int]
StreamRange = tuple[StreamId, StreamId]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STREAM_ID = re.compile(r"^(\d+)-(\d+)$", re.ASCII)
_STREAM_PART = re.compile(r"^stream-(\d+)-(\d+)-(\d+)-(\d+)\.parquet$", re.ASCII)
_UNFINISHED = ".unfinished-"


def day_of(folder: str) -> int | None:
    """Days since the epoch of a folder name such as `day=2026-11-22`, None for any other name."""
    try:
        moment = datetime.strptime(folder, "day=%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (moment - _EPOCH).days


def day_folder(day: int) -> str:
    """`day=2026-11-22` for days since the epoch."""
    return f"day={(_EPOCH + timedelta(days=day)).date().isoformat()}"


def parse_stream_id(text: str) -> StreamId:
    """`1700000000000-3` as numbers, which compare in stream order."""
    match = _STREAM_ID.match(text)
    if match is None:
        raise InputError(f"{text!r} is not a stream id like 1700000000000-0")
    return int(match[1]), int(match[2])


def stream_part_name(first: StreamId, last: StreamId) -> str:
    """The name of the part that holds the stream entries from `first` to `last`."""
    return f"stream-{first[0]}-{first[1]}-{last[0]}-{last[1]}.parquet"


def stream_range(path: Path) -> StreamRange | None:
    """First and last stream id of a stream part, None for an import part."""
    match = _STREAM_PART.match(path.name)
    if match is None:
        return None
    first_ms, first_n, last_ms, last_n = map(int, match.groups())
    return (first_ms, first_n), (last_ms, last_n)


def live_parts(folder: Path) -> list[Path]:
    """The parts that count, imports first, then stream parts in stream order."""
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".parquet" and path.name[0] != ".")
    imports = [path for path in paths if stream_range(path) is None]
    ranged = [(span, path) for path in paths if (span := stream_range(path)) is not None]
    return imports + list(_widest(ranged))


def _widest(ranged: Iterable[tuple[StreamRange, Path]]) -> Iterator[Path]:
    newest: StreamId | None = None
    for (_, last), path in sorted(ranged, key=lambda pair: (pair[0][0], _descending(pair[0][1]))):
        if newest is None or last > newest:
            newest = last
            yield path


def _descending(stream_id: StreamId) -> StreamId:
    return -stream_id[0], -stream_id[1]


def committed(folder: Path) -> StreamId | None:
    """The newest stream id that this day has on disk."""
    ranges = (stream_range(path) for path in live_parts(folder))
    return max((span[1] for span in ranges if span), default=None)


def write_part(folder: Path, name: str, table: pa.Table, source: str) -> None:
    """Make `folder/name` hold `table`, durably: when this returns, a power cut does not lose it.

    Only the holder of the writer's lock may call this: what a killed writer left unfinished is dropped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        leftover.unlink()
    unfinished = folder / f"{_UNFINISHED}{uuid4().hex}"
    filled = [column for column in table.column_names if table.column(column).null_count < table.num_rows]
    lean = table.select(filled or table.column_names[:1])
    pq.write_table(
        lean.replace_schema_metadata({"source": source}),
        unfinished,
        compression="zstd",
        use_dictionary=[column for column in lean.column_names if column != "event_id"],
    )
    _sync(unfinished)
    unfinished.rename(folder / name)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_superseded(folder: Path) -> int:
    """Delete the parts whose range lies within another's; returns how many. For the lock's holder only."""
    superseded = set(folder.glob("*.parquet")) - set(live_parts(folder))
    for path in superseded:
        path.unlink()
    return len(superseded)
