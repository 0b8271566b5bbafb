"""What an engine must do: take Parquet files and small tables in, give Arrow out, in declared types and order.

Everything between is an Ibis expression, the same for every engine. Ibis ships types that follow the
installed engines, so tables and columns of expressions are Any here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

import pyarrow as pa

__all__ = ["Engine", "EngineName", "Expression", "conformed"]

Expression = Any
"""An Ibis table expression."""
EngineName = Literal["duckdb", "spark"]

_IBIS: Final[Mapping[pa.DataType, str]] = {
    pa.string(): "string",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float64(): "float64",
    pa.bool_(): "boolean",
}


class Engine(Protocol):
    """Runs expressions; a context manager that lets go of its memory and processes at the end."""

    name: EngineName

    def parquet(self, files: Sequence[Path], schema: pa.Schema) -> Expression:
        """The rows of `files` in the columns of `schema`; a column that a file left out is null."""

    def rows(self, table: pa.Table) -> Expression:
        """A small table of this process."""

    def collect(self, expression: Expression, schema: pa.Schema, order: Sequence[str]) -> pa.Table:
        """The rows of `expression`, cast to `schema`, ordered by the columns `order`."""

    def close(self) -> None:
        """Let go of what the engine holds; a second call changes nothing."""

    def __enter__(self) -> Self:
        """The engine itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


def conformed(expression: Expression, schema: pa.Schema, *, missing: bool = False) -> Expression:
    """The columns of `schema`, cast to its types; with `missing`, columns that are absent are null.

    Engines disagree on the types of sums, literals and divisions, so every result is cast.
    """
    import ibis

    columns = {}
    for field in schema:
        kind = _IBIS[field.type]
        absent = missing and field.name not in expression.columns
        columns[field.name] = ibis.null(kind) if absent else expression[field.name].cast(kind)
    return expression.select(**columns)
