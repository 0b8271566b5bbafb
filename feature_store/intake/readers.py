"""Rows out of files: Parquet, CSV (or TSV) and JSON lines, also gzipped, in batches with their line numbers.

What cannot be read at all (a header in another encoding, an unknown column) is a FileFormatError before the
first row; a single line that cannot be read comes out as `broken`, and reading goes on with the next line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_store.errors import FileFormatError
from feature_store.intake.arrow_input import plain
from feature_store.intake.csv_rows import CsvRow, csv_chunks, read_header
from feature_store.intake.text_files import decodes, not_decodable, open_text, plain_suffix
from feature_store.records.column_map import ColumnMap, Names
from feature_store.records.fields import Rejection

__all__ = ["Batch", "Broken", "Reading", "open_batches", "read_columns", "source_files"]

BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a file: which names its rows may have, their mapping, the text encoding."""

    names: Names
    columns: ColumnMap = field(default_factory=ColumnMap)
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no row; `text` is its beginning."""

    line: int
    why: Rejection
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as a `table` (CSV, Parquet) or as `objects` (JSON lines), each with its line (Parquet: row) from 1."""

    lines: NDArray[np.int64]
    broken: Sequence[Broken] = ()
    table: pa.Table | None = None
    objects: Sequence[Mapping[str, object]] = ()

    def rows(self) -> Sequence[Mapping[str, object]]:
        """Every row as a mapping, whatever the format."""
        return self.objects if self.table is None else self.table.to_pylist()


def source_files(path: Path) -> list[Path]:
    """`path` itself, or the readable files directly in a folder, by name."""
    if not path.exists():
        raise FileFormatError(f"there is no file {str(path)!r}")
    if not path.is_dir():
        return [path]
    files = sorted(entry for entry in path.iterdir() if plain_suffix(entry) in _FORMATS)
    if not files:
        raise FileFormatError(f"the folder {str(path)!r} holds no {', '.join(_FORMATS)} file")
    return files


def read_columns(path: Path, encoding: str) -> list[str] | None:
    """The file's own column names; None for JSON lines, whose rows name their fields one by one."""
    suffix = plain_suffix(path)
    if suffix not in _FORMATS:
        raise FileFormatError(
            f"{str(path)!r}: the name must end with one of {', '.join(_FORMATS)} (text also with .gz)"
        )
    if suffix == ".parquet":
        return _parquet_header(_parquet_file(path))
    return _delimited_header(path, encoding) if suffix in _DELIMITERS else None


def open_batches(path: Path, reading: Reading) -> Iterator[Batch]:
    """The rows of a file; its header is checked before this returns."""
    header = read_columns(path, reading.encoding)
    return _FORMATS[plain_suffix(path)](path, header or [], reading)


def _parquet_file(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise FileFormatError(f"{str(path)!r} is not a Parquet file: {error}") from error


def _parquet_header(file: pq.ParquetFile) -> list[str]:
    return [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]


def _parquet(path: Path, header: Sequence[str], reading: Reading) -> Iterator[Batch]:
    chosen = reading.columns.apply(reading.names, header)
    return _parquet_batches(_parquet_file(path), {header[at]: ours for at, ours in chosen.items()})


def _parquet_batches(file: pq.ParquetFile, chosen: Mapping[str, str]) -> Iterator[Batch]:
    row = 1
    for batch in _record_batches(file, list(chosen)):
        columns = {chosen[name]: plain(batch.column(name), name) for name in batch.schema.names}
        yield Batch(np.arange(row, row + batch.num_rows), table=pa.table(columns))
        row += batch.num_rows


def _record_batches(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(BATCH_ROWS, columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise FileFormatError(f"the Parquet file is damaged: {error}; rows before it were read") from error


def _delimited_header(path: Path, encoding: str) -> list[str]:
    with open_text(path, encoding) as handle:
        header, _ = read_header(handle, _DELIMITERS[plain_suffix(path)])
    if not header:
        raise FileFormatError(f"{str(path)!r} is empty; its first line must name the columns")
    if not all(map(decodes, header)):
        raise FileFormatError(f"{str(path)!r}: {not_decodable(encoding, 'the header').message}")
    return header


def _delimited(path: Path, header: Sequence[str], reading: Reading) -> Iterator[Batch]:
    delimiter = _DELIMITERS[plain_suffix(path)]
    return _csv_batches(path, reading, delimiter, reading.columns.apply(reading.names, header))


def _csv_batches(path: Path, reading: Reading, delimiter: str, chosen: Mapping[int, str]) -> Iterator[Batch]:
    with open_text(path, reading.encoding) as handle:
        header, used = read_header(handle, delimiter)
        for first, chunk in csv_chunks(handle, delimiter, used + 1, len(header)):
            if isinstance(chunk, list):
                yield _csv_batch(chunk, chosen, reading.encoding)
            else:
                table = chunk.select([str(at) for at in chosen]).rename_columns(list(chosen.values()))
                yield Batch(np.arange(first, first + table.num_rows), table=table)


def _csv_batch(chunk: Sequence[CsvRow], chosen: Mapping[int, str], encoding: str) -> Batch:
    broken = [
        Broken(line, cells, text.rstrip()) for line, cells, text in chunk if isinstance(cells, Rejection)
    ]
    good = [(line, cells) for line, cells, _ in chunk if not isinstance(cells, Rejection)]
    if not decodes("".join(text for _, _, text in chunk)):
        lost = {line for line, cells in good if not decodes("".join(cells))}
        texts = {line: text for line, _, text in chunk}
        broken += [Broken(line, not_decodable(encoding), texts[line].rstrip()) for line in sorted(lost)]
        good = [(line, cells) for line, cells in good if line not in lost]
    columns = list(zip(*(cells for _, cells in good), strict=True)) or [()] * (max(chosen, default=0) + 1)
    table = pa.table({ours: pa.array(columns[at], pa.string()) for at, ours in chosen.items()})
    return Batch(np.array([line for line, _ in good], dtype=np.int64), broken, table)


def _json_lines(path: Path, _header: Sequence[str], reading: Reading) -> Iterator[Batch]:
    renames = reading.columns.renames(reading.names)
    with open_text(path, reading.encoding) as handle:
        start = handle.readline(4096)
    if start.lstrip().startswith("["):
        raise FileFormatError(f"{str(path)!r} is a JSON array; write one object a line (jq -c '.[]')")
    return _json_batches(path, reading, renames)


def _json_batches(path: Path, reading: Reading, renames: Mapping[str, str]) -> Iterator[Batch]:
    with open_text(path, reading.encoding) as handle:
        line = 1
        while lines := list(islice(handle, BATCH_ROWS)):
            yield _json_batch(line, lines, reading, renames)
            line += len(lines)


def _json_batch(first: int, lines: Sequence[str], reading: Reading, renames: Mapping[str, str]) -> Batch:
    numbers: list[int] = []
    objects: list[Mapping[str, object]] = []
    broken: list[Broken] = []
    for line, text in enumerate(lines, start=first):
        if text.isspace():
            continue
        row = _json_object(text, reading.encoding)
        if isinstance(row, Rejection):
            broken.append(Broken(line, row, text.rstrip()))
        else:
            numbers.append(line)
            objects.append(_renamed(row, renames, reading.columns.ignored))
    return Batch(np.array(numbers, dtype=np.int64), broken, objects=objects)


def _json_object(text: str, encoding: str) -> dict[str, object] | Rejection:
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not decodes(text):
            return not_decodable(encoding)
        return Rejection("bad_json", f"the line is not JSON: {error}")
    if not isinstance(row, dict):
        return Rejection("bad_json", f"the line is a JSON {type(row).__name__}, not an object")
    return row


def _renamed(
    row: dict[str, object], renames: Mapping[str, str], ignored: frozenset[str]
) -> Mapping[str, object]:
    if not renames and not ignored:
        return row
    return {renames.get(name, name): value for name, value in row.items() if name not in ignored}


_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_FORMATS: Mapping[str, Callable[[Path, Sequence[str], Reading], Iterator[Batch]]] = {
    ".parquet": _parquet,
    ".csv": _delimited,
    ".tsv": _delimited,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_lines,
}
