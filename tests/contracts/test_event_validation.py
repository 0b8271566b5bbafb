"""One contract: the columnar validator of files gives the verdicts and values of the row validator."""

from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.records.event_columns import rows_to_table, validate_objects, validate_table
from feature_store.records.events import EVENT_FIELDS, clean_event
from feature_store.records.fields import EARLIEST, MAX_FUTURE, Policy, Rejection, RowError

NOW = 1_764_000_000_000
POLICIES = [
    Policy(NOW, zone, from_file=True)
    for zone in (None, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"))
]
GOOD: dict[str, Any] = {"type": "view", "timestamp": NOW, "user_id": "u", "item_id": "i"}

TEXTS = [
    "u1",
    "杯子",
    "",
    " u",
    "u ",
    "u\u3000",
    "u\u200bv",
    "u\x00",
    "a\tb",
    "a\nb",
    "e\u0301",
    "👩\u200d🚀",
    "x" * 128,
    "长" * 129,
    "x" * 1025,
    "USD",
    "usd",
    "USDX",
    "view",
    "purchase",
    "search",
    "rating",
    "impression",
    "served",
    "View",
    "5",
    "-5",
    "+5",
    "-0",
    "5.",
    ".5",
    " 5",
    "1e3",
    "1e999",
    "NaN",
    "-inf",
    "0x10",
    "1_000",
    "٣",
    "true",
    "FALSE",
    "1",
    "yes",
    str(NOW),
    str(EARLIEST - 1),
    "99999999999999999999",
    "2025-01-01T00:00:00Z",
    "2025-01-01t00:00:00z",
    "2025-01-01 08:00:00.123456+08:00",
    "2025-01-01T08:00+0800",
    "2025-01-01T08:00:00.1234567Z",
    "2025-02-30T00:00:00Z",
    "2025-01-01T24:00:00Z",
    "2025-01-01T23:59:60Z",
    "2025-01-01T00:00:00+24:00",
    "2025-01-01T00:00:00",
    "2025-01-01",
    "2024-03-10T02:30:00",
    "2024-11-03T01:30:00",
    "1999-12-31T23:59:59Z",
    "2999-01-01T00:00:00Z",
    '{"page": "首页", "n": 1}',
    '{"utm_source": "x"}',
    "{}",
    "[1]",
    "{",
    '{"a": [1]}',
    '{"a": null}',
]
INTEGERS = [0, 1, -1, 3, 100_000, 100_001, NOW, NOW + MAX_FUTURE, NOW + MAX_FUTURE + 1, EARLIEST - 1, 2**62]
FLOATS = [0.0, -0.0, 1.0, 2.5, -1.0, 1e12, 1e13, float("nan"), float("inf"), float(NOW), 1e300]
# A column of an Arrow table holds one type per key, an object may hold anything.
MAPS: list[Any] = [{"page": "首页"}, {"utm_source": "x"}, {"a": 1.5, "b": True}, {"a": float("inf")}, {"": 1}]
WILD_MAPS: list[Any] = [*MAPS, {}, {"a": [1]}, {"a": "x"}, {"a": {"b": 1}}, {"a": 2**63}]
TYPED: list[list[Any]] = [TEXTS, INTEGERS, FLOATS, [True, False], MAPS]


def rows_one_by_one(rows: list[dict[str, Any]], policy: Policy) -> tuple[pa.Table, dict[int, Rejection]]:
    """The specification: every row through the row validator."""
    good, refused = [], {}
    for number, row in enumerate(rows):
        try:
            good.append(clean_event(row, policy))
        except RowError as error:
            refused[number] = error.rejection
    return rows_to_table(good), refused


def assert_same(rows: list[dict[str, Any]], judged: Any, policy: Policy) -> None:
    expected, refused = rows_one_by_one(rows, policy)
    assert dict(judged.rejected) == refused
    assert judged.rows.tolist() == [number for number in range(len(rows)) if number not in refused]
    assert judged.events.to_pylist() == expected.to_pylist()


def column_of(draw: st.DrawFn, count: int) -> list[Any]:
    """Cells of one type, as a column of a file has them."""
    values = draw(st.sampled_from(TYPED))
    return draw(st.lists(st.one_of(st.none(), st.sampled_from(values)), min_size=count, max_size=count))


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows that are mostly right, with a few fields replaced by columns of anything."""
    count = draw(st.integers(1, 6))
    rows = [dict(GOOD) for _ in range(count)]
    for name in draw(st.lists(st.sampled_from(sorted(EVENT_FIELDS)), max_size=3, unique=True)):
        for row, cell in zip(rows, column_of(draw, count), strict=True):
            row[name] = cell
    return rows


@settings(max_examples=150, deadline=None)
@given(rows=files(), policy=st.sampled_from(POLICIES))
def test_columns_of_a_table_are_judged_like_their_rows(rows: list[dict[str, Any]], policy: Policy) -> None:
    table = pa.table({name: pa.array([row[name] for row in rows]) for name in rows[0]})
    assert_same(table.to_pylist(), validate_table(table, policy), policy)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(files(), min_size=1, max_size=3), policy=st.sampled_from(POLICIES))
def test_objects_of_mixed_types_are_judged_one_by_one(
    rows: list[list[dict[str, Any]]], policy: Policy
) -> None:
    mixed = [row for group in rows for row in group]
    assert_same(mixed, validate_objects(mixed, policy), policy)


@pytest.mark.parametrize("name", sorted(EVENT_FIELDS))
@pytest.mark.parametrize("policy", POLICIES, ids=["no zone", "Shanghai", "New York"])
def test_every_value_in_every_field_is_judged_alike(name: str, policy: Policy) -> None:
    for values in TYPED:
        rows = [{**GOOD, "type": kind, name: value} for kind in ("view", "impression") for value in values]
        column = pa.array([row[name] for row in rows])
        table = pa.table(
            {**{key: [row[key] for row in rows] for key in rows[0] if key != name}, name: column}
        )
        assert_same(table.to_pylist(), validate_table(table, policy), policy)
        assert_same(rows, validate_objects(rows, policy), policy)
    anything = [
        {**GOOD, name: value} for values in [*TYPED, WILD_MAPS, [[1], None, 2**63]] for value in values
    ]
    assert_same(anything, validate_objects(anything, policy), policy)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", [None, "UTC", "Asia/Shanghai"])
def test_arrow_timestamps_are_judged_like_datetimes(unit: str, tz: str | None) -> None:
    texts = ["2025-01-01T00:00:00", "1999-12-31T00:00:00", "2024-03-10T02:30:00", "2024-11-03T01:30:00", None]
    naive = pa.array(texts).cast(pa.timestamp(unit))
    times = naive if tz is None else naive.cast(pa.timestamp(unit, tz))
    table = pa.table({**{name: [value] * len(texts) for name, value in GOOD.items()}, "timestamp": times})
    for policy in POLICIES:
        assert_same(table.to_pylist(), validate_table(table, policy), policy)


def test_a_large_clean_file_never_takes_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**GOOD, "event_id": f"e{n}", "price": n / 7, "context": {"n": n}} for n in range(1000)]
    expected, _ = rows_one_by_one(rows, POLICIES[0])
    monkeypatch.setattr("feature_store.records.event_columns.clean_event", None)
    assert validate_objects(rows, POLICIES[0]).events.equals(expected)


def test_one_bad_row_among_many_is_found_and_the_others_stay_in_order() -> None:
    rows: list[dict[str, Any]] = [{**GOOD, "event_id": f"e{n}", "price": float(n)} for n in range(2000)]
    rows[700]["price"], rows[1500]["colour"] = "expensive", "red"
    assert_same(rows, validate_objects(rows, POLICIES[0]), POLICIES[0])
