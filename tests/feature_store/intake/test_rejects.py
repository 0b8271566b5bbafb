from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from feature_store.intake.rejects import Rejects, rejects_path
from feature_store.records.fields import Rejection

WHY = Rejection("bad_time", "timestamp: 'x' is not a time", "timestamp")


def lines(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_a_refused_row_is_a_line_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "rejects" / "a.jsonl"
    with Rejects(path) as rejects:
        rejects.add(7, WHY, {"timestamp": datetime(2024, 1, 1, tzinfo=UTC), "price": float("nan")})
        rejects.add(9, Rejection("bad_encoding", "…"), "杯子\udcff" + "x" * 1000)
    first, second = lines(path)
    assert first == {
        "line": 7,
        "code": "bad_time",
        "field": "timestamp",
        "message": WHY.message,
        "row": {"timestamp": "2024-01-01T00:00:00+00:00", "price": None},
    }
    assert str(second["row"]).startswith("杯子\\udcffx")
    assert len(str(second["row"])) < 600
    assert rejects.reasons == {"bad_time": 1, "bad_encoding": 1}


def test_an_import_without_rejects_removes_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with Rejects(path) as rejects:
        rejects.add(1, WHY, "x")
    with Rejects(path):
        assert path.exists()
    assert not path.exists()


def test_an_import_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with Rejects(path) as rejects:
        rejects.add(1, WHY, "x")
    with pytest.raises(ZeroDivisionError), Rejects(path) as rejects:
        rejects.add(2, WHY, "y")
        raise ZeroDivisionError
    assert [line["line"] for line in lines(path)] == [1]


def test_two_files_of_one_name_have_two_rejects_files(tmp_path: Path) -> None:
    one, other = (rejects_path(tmp_path, "events", source) for source in ("a/log.csv", "b/log.csv"))
    assert one != other
    assert one.name.startswith("events-log.csv-")
    assert one == rejects_path(tmp_path, "events", "a/log.csv")
