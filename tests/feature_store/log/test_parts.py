from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.log import parts
from recsys.errors import InputError


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_a_day_is_named_by_its_utc_date_and_read_back() -> None:
    assert parts.day_folder(1_764_000_000_000 // parts.DAY) == "day=2025-11-24"
    assert parts.day_of("day=2025-11-24") == 1_764_000_000_000 // parts.DAY
    assert [parts.day_of(name) for name in (".lock", "day=2025-02-30", "2025-11-24")] == [None, None, None]


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-2-3", "x-0", "1 -0"])
def test_what_is_no_stream_id_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="stream id"):
        parts.parse_stream_id(text)


def test_stream_ids_compare_as_numbers() -> None:
    assert parts.parse_stream_id("9-10") < parts.parse_stream_id("10-2") < parts.parse_stream_id("10-11")


def test_the_name_of_a_stream_part_tells_its_range(tmp_path: Path) -> None:
    name = parts.stream_part_name((17, 0), (18, 3))
    assert name == "stream-17-0-18-3.parquet"
    assert parts.stream_range(tmp_path / name) == ((17, 0), (18, 3))
    assert parts.stream_range(tmp_path / "import-abc.parquet") is None


def test_a_part_within_the_range_of_another_does_not_count(tmp_path: Path) -> None:
    touch(tmp_path, "import-b.parquet", "import-a.parquet", ".unfinished-1", "notes.txt")
    touch(tmp_path, "stream-9-0-9-5.parquet", "stream-10-0-11-0.parquet", "stream-9-0-11-0.parquet")
    touch(tmp_path, "stream-12-0-12-0.parquet")
    assert [path.name for path in parts.live_parts(tmp_path)] == [
        "import-a.parquet",
        "import-b.parquet",
        "stream-9-0-11-0.parquet",
        "stream-12-0-12-0.parquet",
    ]
    assert parts.committed(tmp_path) == (12, 0)
    assert parts.remove_superseded(tmp_path) == 2
    assert len(list(tmp_path.glob("stream-*"))) == 2


def test_a_folder_without_stream_parts_has_committed_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "import-a.parquet")
    assert parts.committed(tmp_path) is None
    assert parts.committed(tmp_path / "absent") is None
    assert parts.live_parts(tmp_path / "absent") == []


def test_a_part_holds_no_empty_columns_and_names_its_source(tmp_path: Path) -> None:
    table = pa.table({"event_id": ["e"], "price": pa.nulls(1, pa.float64())})
    parts.write_part(tmp_path / "day", "import-a.parquet", table, "sales.csv")
    schema = pq.read_schema(tmp_path / "day" / "import-a.parquet")
    assert schema.names == ["event_id"]
    assert schema.metadata[b"source"] == b"sales.csv"


def test_what_a_killed_writer_left_is_dropped_by_the_next(tmp_path: Path) -> None:
    touch(tmp_path, ".unfinished-dead")
    parts.write_part(tmp_path, "import-a.parquet", pa.table({"event_id": ["e"]}), "x")
    assert [path.name for path in tmp_path.iterdir()] == ["import-a.parquet"]
