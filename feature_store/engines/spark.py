"""Apache Spark, local or by `SPARK_REMOTE` (Spark Connect): for logs that one machine no longer holds.

pyspark and Java are looked for when the engine is opened, never before. A session that this process already
has is used and left running.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.engines.engine import EngineName, Expression, conformed
from feature_store.errors import SetupError

__all__ = ["SparkEngine", "missing_parts"]

_OPTIONS: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    # The default of 200 partitions takes longer to plan than a day of most shops takes to add up.
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def missing_parts() -> str | None:
    """What keeps Spark from starting here and the next step, or None."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return "pyspark is not installed; install the extra: pip install 'recsys-shop[spark]'"
    java = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
    if os.environ.get("SPARK_REMOTE") or shutil.which("java") or java.is_file():
        return None
    return "Spark needs Java 17; install it (apt-get install openjdk-17-jre-headless) or set SPARK_REMOTE"


class SparkEngine:
    """`master` as Spark writes it (`local[2]`, `spark://host:7077`); `SPARK_REMOTE` wins over it.

    `memory` is the driver's, such as `2GB`; it counts only for the first session of a process.
    """

    name: EngineName = "spark"

    def __init__(self, master: str = "local[2]", memory: str = "2GB") -> None:
        if (missing := missing_parts()) is not None:
            raise SetupError(missing)
        # Pandas warns about an option that Ibis reads when its backend for Spark is imported.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ibis
            from pyspark.sql import SparkSession

            self._owner = SparkSession.getActiveSession() is None
            builder = SparkSession.builder.appName("recsys")
            remote = os.environ.get("SPARK_REMOTE")
            builder = builder.remote(remote) if remote else builder.master(master)
            for name, value in {**_OPTIONS, "spark.driver.memory": _java_size(memory)}.items():
                builder = builder.config(name, value)
            self._session: Any = builder.getOrCreate()
            self._connection = ibis.pyspark.connect(self._session)
        self._small = Path(tempfile.mkdtemp(prefix="recsys-spark-"))
        self._closed = False

    def parquet(self, files: Sequence[Path], schema: pa.Schema) -> Expression:
        """The rows of `files` in the columns of `schema`; a column that a file left out is null."""
        from pyspark.sql.pandas.types import from_arrow_schema

        if not files:
            return self.rows(schema.empty_table())
        name = f"parquet_{uuid4().hex}"
        reader = self._session.read.schema(from_arrow_schema(schema))
        reader.parquet(*[str(path) for path in files]).createOrReplaceTempView(name)
        return conformed(self._connection.table(name), schema)

    def rows(self, table: pa.Table) -> Expression:
        """A small table of this process."""
        if table.num_rows == 0:
            return self._empty(table.schema)
        name = f"rows_{uuid4().hex}"
        self._session.createDataFrame(table).createOrReplaceTempView(name)
        return self._connection.table(name)

    def _empty(self, schema: pa.Schema) -> Expression:
        path = self._small / f"{uuid4().hex}.parquet"
        pq.write_table(schema.empty_table(), path)
        return self.parquet([path], schema)

    def collect(self, expression: Expression, schema: pa.Schema, order: Sequence[str]) -> pa.Table:
        """The rows of `expression`, cast to `schema`, ordered by the columns `order`."""
        ordered = conformed(expression, schema).order_by(list(order))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._connection.to_pyarrow(ordered).cast(schema)

    def close(self) -> None:
        """Stop the session if this engine started it."""
        if self._closed:
            return
        self._closed = True
        if self._owner:
            self._session.stop()
        shutil.rmtree(self._small, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _java_size(memory: str) -> str:
    """`2GB` as Java writes it: `2g`."""
    return memory.strip().lower().removesuffix("b")
