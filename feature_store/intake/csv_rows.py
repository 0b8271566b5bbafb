"""CSV by lines that cannot run away: a quote that is never closed costs its own line, not the rest of the file.

Each yielded row knows its first physical line. Quoted cells may span up to `_MAX_SPAN` lines.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TextIO

import pyarrow as pa

from feature_store.intake.csv_columns import plain_table
from feature_store.records.fields import Rejection

__all__ = ["CsvRow", "csv_chunks", "read_header"]

_MAX_SPAN = 200
_CHUNK_LINES = 16_384
CsvRow = tuple[int, list[str] | Rejection, str]
"""(line, cells or why there are none, text of the first line)"""


def read_header(handle: TextIO, delimiter: str) -> tuple[list[str], int]:
    """The first non-empty line's cells, and how many lines were used; ([], n) for an empty file."""
    for number, line in enumerate(handle, start=1):
        if line.strip():
            cells = next(csv.reader([line], delimiter=delimiter), [])
            return [cell.strip() for cell in cells], number
    return [], 0


def csv_chunks(
    handle: TextIO, delimiter: str, first_line: int, width: int
) -> Iterator[tuple[int, pa.Table | list[CsvRow]]]:
    """The rows of `handle` in chunks with their first line: a table of one row per line when all is well, else rows.

    A row has `width` cells or is refused.
    """
    pending: list[str] = []
    line = first_line
    while True:
        fresh = list(islice(handle, _CHUNK_LINES))
        lines = pending + fresh
        if not lines:
            return
        table = plain_table(lines, delimiter, width)
        if table is not None:
            yield line, table
            used = len(lines)
        else:
            rows, used = _rows(lines, delimiter, width, last=not fresh)
            yield line, [(line + at, cells, text) for at, cells, text in rows]
        line += used
        pending = lines[used:]


def _rows(lines: Sequence[str], delimiter: str, width: int, *, last: bool) -> tuple[list[CsvRow], int]:
    rows: list[CsvRow] = []
    at = 0
    while at < len(lines):
        cells, used = _record(lines[at : at + _MAX_SPAN], delimiter, width)
        refused = isinstance(cells, Rejection)
        if refused and not last and len(lines) - at < _MAX_SPAN:
            break  # the record may close in lines that were not read yet
        if cells:
            rows.append((at, cells, lines[at]))
        at += 1 if refused else used  # only this line is lost; what follows gets a chance of its own
    return rows, at


def _record(lines: Sequence[str], delimiter: str, width: int) -> tuple[list[str] | Rejection, int]:
    """The record that begins with `lines`, and how many of them it takes; no cells for a blank line."""
    if lines[0].isspace():
        return [], 1
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        return Rejection("bad_csv", f"the line is not CSV: {error}"), 1
    if len(cells) != width:
        return Rejection("bad_columns", f"the line has {len(cells)} cells, the header has {width}"), 1
    return cells, reader.line_num
