"""DuckDB in this process: the default engine. Beyond its memory limit it spills into a scratch folder."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import ibis
import pyarrow as pa

from feature_store.engines.engine import EngineName, Expression, conformed

__all__ = ["DuckEngine"]


class DuckEngine:
    """One database in memory. `memory` such as `2GB` bounds it; `threads` 0 means every core."""

    name: EngineName = "duckdb"

    def __init__(self, memory: str = "2GB", threads: int = 2, scratch: Path | None = None) -> None:
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(prefix="duckdb-", dir=scratch))
        options = {"memory_limit": memory, "temp_directory": str(self._scratch)}
        if threads:
            options["threads"] = str(threads)
        self._connection = ibis.duckdb.connect(**options)
        # Order is asked for where it matters; keeping the order of files costs memory.
        self._connection.raw_sql("SET preserve_insertion_order = false")

    def parquet(self, files: Sequence[Path], schema: pa.Schema) -> Expression:
        """The rows of `files` in the columns of `schema`; a column that a file left out is null."""
        if not files:
            return self.rows(schema.empty_table())
        paths = [str(path) for path in files]
        table = self._connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)
        return conformed(table, schema, missing=True)

    def rows(self, table: pa.Table) -> Expression:
        """A small table of this process."""
        return ibis.memtable(table)

    def collect(self, expression: Expression, schema: pa.Schema, order: Sequence[str]) -> pa.Table:
        """The rows of `expression`, cast to `schema`, ordered by the columns `order`."""
        ordered = conformed(expression, schema).order_by(list(order))
        return self._connection.to_pyarrow(ordered).cast(schema)

    def close(self) -> None:
        """Close the database and remove its scratch folder."""
        self._connection.disconnect()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
