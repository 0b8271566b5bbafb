"""Hours and weekdays inside an engine equal those of Python's zones, also where the clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from feature_store.engines.clock import HOUR, local_hour, local_weekday, offsets
from feature_store.engines.duck import DuckEngine

FIRST = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
LAST = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckEngine]:
    with DuckEngine(scratch=tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.mark.parametrize(
    "name", ["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
)
def test_hours_and_weekdays_equal_pythons(name: str, engine: DuckEngine) -> None:
    zone, changes = ZoneInfo(name), offsets(ZoneInfo(name), FIRST, LAST)
    times = [
        *range(FIRST, LAST, 5 * HOUR + 60_000),
        *(at + step for at, _ in changes[1:] for step in (-1, 0, 1)),
    ]
    table = engine.rows(pa.table({"at": pa.array(times, pa.int64())}))
    wanted = table.select(
        "at", hour=local_hour(table["at"], changes), weekday=local_weekday(table["at"], changes)
    )
    schema = pa.schema([("at", pa.int64()), ("hour", pa.int64()), ("weekday", pa.int64())])
    for row in engine.collect(wanted, schema, ["at"]).to_pylist():
        local = datetime.fromtimestamp(row["at"] / 1000, UTC).astimezone(zone)
        assert (row["hour"], row["weekday"]) == (local.hour, local.weekday()), local


def test_a_zone_without_changes_has_one_offset() -> None:
    assert offsets(ZoneInfo("Asia/Shanghai"), FIRST, LAST) == [(FIRST, 8 * HOUR)]
    assert len(offsets(ZoneInfo("America/New_York"), FIRST, LAST)) == 3


def test_the_scratch_folder_goes_with_the_engine(tmp_path: Path) -> None:
    with DuckEngine(scratch=tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
