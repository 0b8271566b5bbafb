from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.simulator.writer import ROWS_PER_GROUP, TableWriter

SCHEMA = pa.schema([("n", pa.int64())])


def part(low: int, high: int) -> pa.Table:
    return pa.table({"n": range(low, high)}, schema=SCHEMA)


@pytest.mark.parametrize("bounds", [[0, 150_000], [0, 1, 65_536, 65_537, 150_000], [0, 131_072, 150_000]])
def test_rows_and_row_groups_do_not_depend_on_the_parts(tmp_path: Path, bounds: list[int]) -> None:
    with TableWriter(tmp_path / "new" / "t.parquet", SCHEMA) as writer:
        for low, high in pairwise(bounds):
            writer.write(part(low, high))
    written = pq.ParquetFile(tmp_path / "new" / "t.parquet")
    assert writer.rows == 150_000
    assert written.read().column("n").to_pylist() == list(range(150_000))
    groups = [written.metadata.row_group(g).num_rows for g in range(written.num_row_groups)]
    assert groups == [ROWS_PER_GROUP, ROWS_PER_GROUP, 150_000 - 2 * ROWS_PER_GROUP]


def test_a_file_without_rows_has_the_schema(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.parquet", SCHEMA):
        pass
    assert pq.read_table(tmp_path / "t.parquet").schema == SCHEMA
