"""Parquet files written as a stream, in row groups of a fixed size whatever the size of the parts."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ROWS_PER_GROUP", "TableWriter"]

ROWS_PER_GROUP = 65_536


class TableWriter:
    """Writes one Parquet file; holds at most one row group and the part just given. A context manager."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._held: list[pa.Table] = []
        self.rows = 0

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = pq.ParquetWriter(self._path, self._schema, compression="zstd", compression_level=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._held:
            self._put(pa.concat_tables(self._held))
        self._file.close()

    def write(self, part: pa.Table) -> None:
        """Appends rows; full row groups go to disk at once."""
        self.rows += part.num_rows
        self._held.append(part)
        if sum(table.num_rows for table in self._held) < ROWS_PER_GROUP:
            return
        table = pa.concat_tables(self._held)
        whole = table.num_rows - table.num_rows % ROWS_PER_GROUP
        for low in range(0, whole, ROWS_PER_GROUP):
            self._put(table.slice(low, ROWS_PER_GROUP))
        self._held = [table.slice(whole)] if table.num_rows > whole else []

    def _put(self, group: pa.Table) -> None:
        # One chunk per column: dictionary pages would otherwise depend on how the rows arrived.
        self._file.write_table(group.combine_chunks(), row_group_size=ROWS_PER_GROUP)
