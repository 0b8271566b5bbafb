"""Files that say who gets a list."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.errors import InputError
from recsys.types import EVENT_CODES, EventType
from training.requests import Request, read_histories, read_users

VIEW, BUY = EVENT_CODES[EventType.VIEW], EVENT_CODES[EventType.PURCHASE]
NOON = 1_500_000_000_000


def users(path: Path) -> list[str | None]:
    return [request.user_id for request in read_users(path)]


def histories(tmp_path: Path, columns: dict[str, Any]) -> list[Request]:
    path = tmp_path / "q.parquet"
    pq.write_table(pa.table(columns), path)
    return list(read_histories(path))


def event(item: str, kind: str, at: object) -> dict[str, object]:
    return {"item_id": item, "type": kind, "timestamp": at}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("users.txt", "甲\n\n b \n甲\n"),
        ("users", "\ufeff甲\nb\n"),
        ("users.csv", "name,user_id\nx,甲\ny,b\nz,甲\nw,\n"),
        ("users.jsonl", '{"user_id": "甲"}\n\n"b"\n'),
    ],
)
def test_shoppers_are_read_once_each_from_every_kind_of_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert users(path) == ["甲", "b"]


def test_whole_numbers_in_parquet_are_ids(tmp_path: Path) -> None:
    path = tmp_path / "users.parquet"
    pq.write_table(pa.table({"user_id": [7, 8, None, 7]}), path)
    assert list(read_users(path)) == [Request("7", "7"), Request("8", "8")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("users.csv", "household\n1\n", "no column 'user_id'; it has: household"),
        ("users.jsonl", '{"id": 1}\n', "line 1 of 'users.jsonl'"),
        ("users.jsonl", '"a"\nb\n', "line 2 of 'users.jsonl'"),
        ("users.parquet", "no", "cannot be read as Parquet"),
    ],
)
def test_a_file_without_shoppers_is_refused_with_the_reason(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        users(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*nobody\.csv"):
        read_users(tmp_path / "nobody.csv")
    with pytest.raises(InputError, match=r"no file .*nobody\.parquet"):
        read_histories(tmp_path / "nobody.parquet")


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        float(NOON),
        str(NOON),
        "2017-07-14T02:40:00Z",
        "2017-07-14T10:40:00+08:00",
        datetime.fromtimestamp(NOON / 1000, UTC),
        datetime.fromtimestamp(NOON / 1000, UTC).replace(tzinfo=None),
    ],
)
def test_every_spelling_of_a_time_is_the_same_instant(tmp_path: Path, moment: object) -> None:
    rows = histories(
        tmp_path, {"query_id": ["q"], "as_of": [moment], "events": [[event("茶杯", "view", moment)]]}
    )
    assert rows == [Request("q", None, NOON, (("茶杯", VIEW, NOON),))]


def test_nanoseconds_are_cut_to_milliseconds(tmp_path: Path) -> None:
    kind = pa.list_(
        pa.struct(
            [("item_id", pa.string()), ("type", pa.string()), ("timestamp", pa.timestamp("ns", "Asia/Tokyo"))]
        )
    )
    events = pa.array([[event("a", "view", NOON * 1_000_000 + 999_999)]], kind)
    (row,) = histories(tmp_path, {"query_id": ["q"], "events": events})
    assert row.events == (("a", VIEW, NOON),)


def test_numbers_become_text_ids_and_absent_columns_stay_open(tmp_path: Path) -> None:
    rows = histories(
        tmp_path, {"query_id": [1, 2], "user_id": [5, None], "events": [[event("a", "purchase", 1)], None]}
    )
    assert rows == [Request("1", "5", None, (("a", BUY, 1),)), Request("2", None, None, ())]


@pytest.mark.parametrize("kind", [pa.null(), pa.list_(pa.null()), pa.large_list(pa.null())])
def test_a_file_in_which_nobody_has_an_event_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    nothing = None if pa.types.is_null(kind) else []
    (row,) = histories(tmp_path, {"query_id": ["q"], "events": pa.array([nothing], kind)})
    assert row.events == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"query": ["q"], "events": [[event("a", "view", 1)]]},
            "no column 'query_id'; it has: query, events",
        ),
        ({"query_id": ["q"]}, "no column 'events'"),
        ({"query_id": ["q"], "events": [["a"]]}, "must be a list of {item_id, type, timestamp}"),
        ({"query_id": ["q"], "events": [[{"item": "a"}]]}, "must be a list of {item_id, type, timestamp}"),
        ({"query_id": ["q"], "events": [[event("a", "buy", 1)]]}, "query 'q': event type 'buy' is unknown"),
        (
            {"query_id": ["q"], "events": [[event("a", "view", "2017-07-14")]]},
            "query 'q': .*names no time zone",
        ),
        (
            {"query_id": ["q"], "as_of": ["soon"], "events": [[event("a", "view", 1)]]},
            "query 'q': 'soon' is not a time",
        ),
        (
            {
                "query_id": ["q"],
                "events": [[event("a", "view", 1), {**event("a", "view", 1), "item_id": None}]],
            },
            "query 'q': an event has no item_id",
        ),
        (
            {"query_id": [None, "q"], "events": [[event("a", "view", 1)]] * 2},
            "a row of the histories has no query_id",
        ),
        ({"query_id": ["q", "q"], "events": [[event("a", "view", 1)]] * 2}, "query 'q' comes twice"),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused_by_name(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        histories(tmp_path, columns)
