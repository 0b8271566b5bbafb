"""Where a log is cut, and which logs are refused."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.types import EventType
from recsys.weights import DAY_MS
from training.config import SplitConfig
from training.errors import TooLittleDataError
from training.split import day, leave_one_out, stands, temporal_split

Log = Callable[..., Interactions]
BUY, VIEW, CART = EventType.PURCHASE, EventType.VIEW, EventType.CART
TWO = SplitConfig(least_shoppers=2)


def daily(log: Log, days: int, shoppers: int = 3) -> Interactions:
    return log([(f"u{s}", f"i{d % 5}", BUY, d * DAY_MS) for s in range(shoppers) for d in range(days)])


def named(rows: Interactions) -> set[tuple[str, str]]:
    return {(rows.users[u], rows.items[i]) for u, i in zip(rows.user, rows.item, strict=True)}


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


def test_by_order_one_row_of_each_shoppers_strongest_behaviour_is_held_out(log: Log) -> None:
    rows = [
        ("a", "x", BUY, 1),
        ("a", "y", VIEW, 2),
        ("b", "x", VIEW, 1),
        ("c", "x", VIEW, 3),
        ("c", "z", CART, 3),
        ("d", "x", EventType.RATING, 3),
        ("d", "y", EventType.RATING, 3),
    ]
    split = leave_one_out(log(rows), TWO)
    found = split.test
    assert [(found.users[u], found.items[i]) for u, i in zip(found.user, found.item, strict=True)] == [
        ("a", "x"),
        ("c", "z"),
    ]
    assert [split.train.users[u] for u in split.train.user] == ["a", "b", "c", "d", "d"]


def test_which_row_is_held_out_has_nothing_to_do_with_its_items_id(log: Log) -> None:
    rows = [(f"u{n}", f"i{i}", VIEW, 5) for n in range(400) for i in range(4)]
    held = leave_one_out(log(rows, ["i0", "i1", "i2", "i3"]), TWO).test
    items = {held.users[u]: held.items[i] for u, i in zip(held.user, held.item, strict=True)}
    assert len(items) == 400
    assert Counter(items.values()).most_common()[-1][1] > 70


def test_equal_logs_in_another_order_hold_out_the_same_rows(log: Log) -> None:
    rows = [(f"u{n}", f"i{i}", VIEW, 5) for n in range(50) for i in range(4)]
    first = log(rows)
    order = np.random.default_rng(1).permutation(len(first))
    columns = (first.user, first.item, first.type, first.time, first.session, first.quantity)
    shuffled = Interactions.sort(
        users=first.users, items=first.items, columns=tuple(column[order] for column in columns)
    )
    one, other = (leave_one_out(found, TWO).test for found in (first, shuffled))
    assert one.item.tolist() == other.item.tolist()


def test_which_row_is_held_out_does_not_depend_on_what_else_is_in_the_catalogue(log: Log) -> None:
    rows = [(f"u{n}", f"i{i}", VIEW, 5) for n in range(50) for i in range(4)]
    more = [("absent", "i9", VIEW, 5), *rows]
    one, other, third = (
        leave_one_out(found, TWO) for found in (log(rows), log(rows, ["!unsold"]), log(more))
    )
    assert named(one.test) == named(other.test) == named(third.test)
    assert one.held_out == other.held_out == third.held_out


def test_the_digest_of_what_is_held_out_changes_with_who_is_in_the_log(log: Log) -> None:
    rows = [(f"u{n}", f"i{i}", VIEW, 5) for n in range(50) for i in range(4)]
    whole, fewer = leave_one_out(log(rows), TWO), leave_one_out(log(rows[4:]), TWO)
    assert named(fewer.test) < named(whole.test)
    assert whole.held_out != fewer.held_out


def test_at_a_cut_the_cut_says_all_and_there_is_no_digest(log: Log) -> None:
    assert temporal_split(daily(log, 9), TWO).held_out is None


def test_a_returned_purchase_is_not_held_out(log: Log) -> None:
    rows = [
        (f"u{n}", item, kind, 1) for n in range(2) for item, kind in (("x", BUY), ("x", EventType.RETURN))
    ]
    split = leave_one_out(log([*rows, ("u0", "y", VIEW, 1), ("u1", "y", VIEW, 1)]), TWO)
    assert {split.test.items[i] for i in split.test.item} == {"y"}


def test_who_has_more_purchases_of_an_item_than_came_back_may_be_asked_about_it(log: Log) -> None:
    kinds = (BUY, EventType.RETURN, BUY)
    rows = [(f"u{n}", "x", kind, time) for n in range(2) for time, kind in enumerate(kinds)]
    split = leave_one_out(log([*rows, ("u0", "y", VIEW, 1), ("u1", "y", VIEW, 1)]), TWO)
    assert {split.test.items[i] for i in split.test.item} == {"x"}


def test_only_the_taken_back_behaviour_of_that_item_falls(log: Log) -> None:
    said = [("a", "x", BUY, 1), ("a", "x", CART, 1), ("a", "y", BUY, 1), ("b", "x", BUY, 1)]
    rows = log(said)
    whole = log([*said, ("a", "x", EventType.CANCEL, 9)])
    assert stands(rows, rows).all()
    assert stands(rows, whole).tolist() == [False, True, True, True]


@pytest.mark.parametrize(("kind", "back"), [(BUY, EventType.RETURN), (CART, EventType.UNCART)])
def test_what_was_taken_back_before_says_nothing_of_what_follows(
    log: Log, kind: EventType, back: EventType
) -> None:
    rows = log([("a", "x", back, 1), ("a", "x", kind, 2), ("a", "x", back, 3), ("a", "x", kind, 4)])
    assert stands(rows, rows).tolist() == [True, False, True, True]


def test_of_one_moment_the_taking_back_is_the_later(log: Log) -> None:
    rows = log([("a", "x", EventType.RETURN, 1), ("a", "x", BUY, 1)])
    assert stands(rows, rows).tolist() == [True, False]


def test_by_order_single_rows_and_an_empty_log_are_refused(log: Log) -> None:
    for rows in ([("a", "x", BUY, 1), ("b", "x", BUY, 1)], []):
        with pytest.raises(TooLittleDataError, match="has 0 shoppers with two events or more"):
            leave_one_out(log(rows), TWO)


def test_a_day_is_named_in_utc() -> None:
    assert day(0) == "1970-01-01"
    assert day(DAY_MS - 1) == "1970-01-01"
    assert day(DAY_MS) == "1970-01-02"
