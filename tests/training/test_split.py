"""Where a log is cut, and which logs are refused."""

from collections.abc import Callable

import pytest

from recsys.interactions import Interactions
from recsys.types import EventType
from training.config import SplitConfig
from training.errors import TooLittleDataError
from training.split import DAY_MS, day, leave_last_out, temporal_split

Log = Callable[..., Interactions]
BUY, VIEW = EventType.PURCHASE, EventType.VIEW
TWO = SplitConfig(least_shoppers=2)


def daily(log: Log, days: int, shoppers: int = 3) -> Interactions:
    return log([(f"u{s}", f"i{d % 5}", BUY, d * DAY_MS) for s in range(shoppers) for d in range(days)])


def test_the_window_is_the_last_days_and_nothing_of_it_is_in_train(log: Log) -> None:
    split = temporal_split(daily(log, 200), TWO)
    assert split.end == 199 * DAY_MS + 1
    assert split.cut == split.end - 28 * DAY_MS
    assert split.train.time.max() < split.cut <= split.test.time.min()
    assert len(split.train) + len(split.test) == 600


def test_the_window_shrinks_with_a_short_log(log: Log) -> None:
    split = temporal_split(daily(log, 9), TWO)
    assert split.days == pytest.approx(2, abs=1e-6)


def test_an_empty_log_is_refused_with_the_next_command(log: Log) -> None:
    with pytest.raises(TooLittleDataError, match="recsys data ingest"):
        temporal_split(log([]), TWO)


def test_too_few_shoppers_on_both_sides_are_counted_in_the_refusal(log: Log) -> None:
    rows = [("a", "x", BUY, d * DAY_MS) for d in range(100)] + [
        ("b", "x", BUY, 0),
        ("c", "x", BUY, 99 * DAY_MS),
    ]
    with pytest.raises(
        TooLittleDataError, match=r"has 1 shoppers with events both before and after .* at least 2"
    ):
        temporal_split(log(rows), TWO)


def test_a_log_of_one_instant_is_refused_not_crashed(log: Log) -> None:
    with pytest.raises(TooLittleDataError, match="has 0 shoppers"):
        temporal_split(log([("a", "x", BUY, 5), ("b", "x", BUY, 5)]), TWO)


def test_leave_last_out_takes_the_last_row_of_everyone_with_two(log: Log) -> None:
    rows = [
        ("a", "x", VIEW, 1),
        ("a", "y", BUY, 2),
        ("b", "x", VIEW, 1),
        ("c", "x", VIEW, 3),
        ("c", "z", VIEW, 3),
    ]
    split = leave_last_out(log(rows), TWO)
    found = split.test
    assert [found.items[i] for i in found.item] == ["y", "z"]
    assert [split.train.users[u] for u in split.train.user] == ["a", "b", "c"]


def test_leave_last_out_refuses_single_rows_and_an_empty_log(log: Log) -> None:
    for rows in ([("a", "x", BUY, 1), ("b", "x", BUY, 1)], []):
        with pytest.raises(TooLittleDataError, match="has 0 shoppers with two events or more"):
            leave_last_out(log(rows), TWO)


def test_a_day_is_named_in_utc() -> None:
    assert day(0) == "1970-01-01"
    assert day(DAY_MS - 1) == "1970-01-01"
    assert day(DAY_MS) == "1970-01-02"
