"""Questions of each protocol: whose, when, from what history, and what answers them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, POSITIVE_TYPES, EventType
from training.config import EvaluationConfig, SplitConfig
from training.errors import TooLittleDataError
from training.protocol import Questions, ask, ask_next, ask_touched
from training.split import Split, leave_one_out

Log = Callable[..., Interactions]
BUY, VIEW, CART = EventType.PURCHASE, EventType.VIEW, EventType.CART
CUT = 100
BALANCE = {BUY: 1, EventType.RETURN: -1, EventType.CANCEL: -1}


def split(rows: Interactions) -> Split:
    return Split("temporal", CUT, rows.end + 1, rows.before(CUT), rows.window(CUT, rows.end + 1))


def questions(rows: Interactions, **rules: int) -> Questions:
    return ask(split(rows), np.ones(len(rows.users), bool), EvaluationConfig(**rules), seed=0)


def answers(rows: Interactions, asked: Questions) -> dict[str, set[str]]:
    found = {}
    for row, user in enumerate(asked.users):
        codes = asked.truth.indices[asked.truth.indptr[row] : asked.truth.indptr[row + 1]]
        found[rows.users[int(user)]] = {rows.items[int(code)] for code in codes}
    return found


def test_the_truth_is_what_was_bought_in_the_window_each_item_once(log: Log) -> None:
    rows = log([("a", "x", BUY, 1), ("a", "y", BUY, 150), ("a", "y", BUY, 160), ("a", "z", VIEW, 150)])
    asked = questions(rows)
    assert answers(rows, asked) == {"a": {"y"}}
    assert asked.behaviours == (BUY,)
    assert asked.as_of.tolist() == [CUT]
    assert asked.truth.data.tolist() == [1]


def test_without_purchases_the_strongest_behaviour_answers(log: Log) -> None:
    rows = log([("a", "x", VIEW, 1), ("a", "y", CART, 150), ("a", "z", VIEW, 150), ("b", "x", VIEW, 150)])
    asked = questions(rows)
    assert asked.behaviours == (CART,)
    assert answers(rows, asked) == {"a": {"y"}}


def test_a_purchase_that_was_returned_is_no_answer(log: Log) -> None:
    rows = log(
        [("a", "x", BUY, 150), ("a", "x", EventType.RETURN, 170), ("b", "x", BUY, 150), ("b", "y", BUY, 1)]
    )
    assert answers(rows, questions(rows)) == {"b": {"x"}}


def test_a_purchase_after_a_return_of_the_same_item_answers(log: Log) -> None:
    rows = log([("a", "x", BUY, 1), ("a", "x", EventType.RETURN, 140), ("a", "x", BUY, 150)])
    assert answers(rows, questions(rows)) == {"a": {"x"}}


def test_a_shopper_without_a_past_is_asked_too(log: Log) -> None:
    rows = log([("new", "x", BUY, 150), ("old", "x", BUY, 1)])
    asked = questions(rows)
    assert answers(rows, asked) == {"new": {"x"}}
    assert asked.seen.nnz == 0


def test_sessions_without_a_shopper_are_not_asked(log: Log) -> None:
    rows = log([("a", "x", BUY, 150), ("session", "y", BUY, 150)])
    asked = ask(split(rows), np.array([True, False]), EvaluationConfig(), seed=0)
    assert answers(rows, asked) == {"a": {"x"}}


def test_what_only_sessions_without_a_shopper_did_does_not_choose_the_behaviour(log: Log) -> None:
    rows = log([("a", "x", VIEW, 150), ("session", "y", BUY, 150)])
    known = np.array([True, False])
    asked = ask(split(rows), known, EvaluationConfig(), seed=0)
    assert answers(rows, asked) == {"a": {"x"}}
    assert asked.behaviours == (VIEW,)
    assert answers(rows, ask_touched(split(rows), known, EvaluationConfig(), seed=0)) == {"a": {"x"}}


def test_what_came_back_does_not_choose_the_behaviour(log: Log) -> None:
    rows = log([("a", "x", BUY, 150), ("a", "x", EventType.RETURN, 170), ("b", "y", CART, 150)])
    assert answers(rows, questions(rows)) == {"b": {"y"}}


@pytest.mark.parametrize("asking", [ask, ask_touched])
def test_a_window_without_a_known_shopper_is_refused(log: Log, asking: Any) -> None:
    rows = log([("a", "x", BUY, 1), ("session", "y", BUY, 150)])
    with pytest.raises(TooLittleDataError, match=r"of a known shopper.*--no-evaluation"):
        asking(split(rows), np.array([True, False]), EvaluationConfig(), seed=0)


def test_by_order_too_somebody_known_must_have_a_row_held_out(log: Log) -> None:
    rows = log([("one", "x", VIEW, 1), ("one", "y", VIEW, 1), ("two", "x", VIEW, 1), ("two", "y", VIEW, 1)])
    cut = leave_one_out(rows, SplitConfig(least_shoppers=2))
    with pytest.raises(TooLittleDataError, match=r"of a known shopper.*--no-evaluation"):
        ask(cut, np.zeros(2, bool), EvaluationConfig(), seed=0)


def test_the_new_part_asks_only_for_items_never_touched(log: Log) -> None:
    rows = log(
        [
            ("a", "x", VIEW, 1),
            ("a", "x", BUY, 150),
            ("a", "y", BUY, 150),
            ("b", "x", BUY, 1),
            ("b", "x", BUY, 150),
        ]
    )
    asked = questions(rows)
    assert answers(rows, asked) == {"a": {"x", "y"}, "b": {"x"}}
    assert answers(rows, asked.new()) == {"a": {"y"}}
    assert asked.new().seen.toarray().tolist() == [[1, 0]]


def test_more_shoppers_than_wanted_are_drawn_by_the_seed(log: Log) -> None:
    rows = log([(f"u{n:02}", "x", BUY, 150) for n in range(30)])
    first, again = questions(rows, most_queries=10), questions(rows, most_queries=10)
    assert len(first) == 10
    assert first.users.tolist() == again.users.tolist() == sorted(set(first.users.tolist()))


def test_by_order_the_held_out_row_is_asked_about_at_the_newest_known_time(log: Log) -> None:
    rows = log(
        [
            ("甲", "x", VIEW, 3),
            ("甲", "y", VIEW, 4),
            ("甲", "z", BUY, 1),
            ("乙", "x", VIEW, 1),
            ("乙", "y", CART, 2),
        ]
    )
    cut = leave_one_out(rows, SplitConfig(least_shoppers=2))
    asked = ask(cut, np.ones(2, bool), EvaluationConfig(), seed=0)
    assert answers(rows, asked) == {"甲": {"z"}, "乙": {"y"}}
    assert dict(zip([rows.users[int(u)] for u in asked.users], asked.as_of.tolist(), strict=True)) == {
        "甲": 4,
        "乙": 1,
    }
    assert asked.behaviours == (BUY, CART)
    assert answers(rows, asked.of({CART})) == {"乙": {"y"}}


def test_touched_asks_for_everything_positive_and_names_the_strongest_of_each(log: Log) -> None:
    rows = log(
        [
            ("a", "x", BUY, 150),
            ("a", "y", VIEW, 150),
            ("a", "z", EventType.RATING, 150),
            ("b", "y", VIEW, 150),
            ("b", "z", CART, 160),
            ("b", "z", EventType.UNCART, 170),
        ]
    )
    asked = ask_touched(split(rows), np.ones(2, bool), EvaluationConfig(), seed=0)
    assert answers(rows, asked) == {"a": {"x", "y"}, "b": {"y"}}
    assert asked.behaviour.tolist() == [EVENT_CODES[BUY], EVENT_CODES[VIEW]]


def live(rows: Interactions, **rules: int) -> Questions:
    known = np.ones(len(rows.users), bool)
    return ask_next(rows, split(rows), known, EvaluationConfig(**rules), seed=0)


def histories(rows: Interactions, asked: Questions) -> list[str]:
    starts = rows.user_slices()
    return [
        "".join(rows.items[int(code)] for code in rows.item[starts[user] : upto])
        for user, upto in zip(asked.users, asked.upto, strict=True)
    ]


def test_live_every_positive_event_asks_from_what_lies_before_it(log: Log) -> None:
    rows = log(
        [
            ("a", "w", VIEW, 10),
            ("a", "x", VIEW, 150),
            ("a", "y", EventType.RATING, 160),
            ("a", "z", BUY, 170),
            ("b", "x", VIEW, 150),
            ("b", "y", CART, 151),
        ]
    )
    asked = live(rows)
    assert [rows.items[int(code)] for code in asked.truth.indices] == ["x", "z", "y"]
    assert [rows.users[int(user)] for user in asked.users] == ["a", "a", "b"]
    assert histories(rows, asked) == ["w", "wxy", "x"]
    assert asked.as_of.tolist() == [10, 160, 150]
    assert asked.behaviours == (BUY, CART, VIEW)
    assert asked.seen.sum(axis=1).ravel().tolist() == [[1, 3, 1]]
    assert asked.shoppers == 2


def test_live_the_items_of_one_moment_do_not_tell_of_each_other(log: Log) -> None:
    rows = log([("a", "w", BUY, 10), ("a", "x", BUY, 150), ("a", "y", BUY, 150), ("a", "z", BUY, 160)])
    asked = live(rows)
    assert histories(rows, asked) == ["w", "w", "wxy"]
    assert asked.as_of.tolist() == [10, 10, 150]


def test_live_repeated_rows_and_what_was_taken_back_are_asked_about_once_and_never(log: Log) -> None:
    rows = log(
        [
            ("a", "w", VIEW, 10),
            ("a", "x", VIEW, 150),
            ("a", "x", VIEW, 150),
            ("a", "y", BUY, 160),
            ("a", "y", EventType.RETURN, 170),
        ]
    )
    assert histories(rows, live(rows)) == ["w"]


def test_live_new_asks_for_what_the_history_does_not_hold(log: Log) -> None:
    rows = log([("a", "w", VIEW, 10), ("a", "x", VIEW, 150), ("a", "x", BUY, 160), ("a", "w", BUY, 170)])
    asked = live(rows)
    assert len(asked) == 3
    assert histories(rows, asked.new()) == ["w"]


def test_live_a_busy_shopper_is_asked_a_few_times_evenly(log: Log) -> None:
    busy = [("busy", "x", VIEW, 100 + n) for n in range(41)]
    rows = log([*busy, ("calm", "x", VIEW, 1), ("calm", "y", VIEW, 101)])
    asked = live(rows, queries_per_shopper=4)
    assert asked.as_of[asked.users == 0].tolist() == [109, 119, 129, 139]
    assert (asked.users == 1).sum() == 1


def test_live_too_many_questions_drop_whole_shoppers(log: Log) -> None:
    rows = log([(f"u{n:02}", "x", VIEW, time) for n in range(30) for time in (1, 150, 160)])
    asked = live(rows, most_queries=11)
    assert len(asked) == 10
    assert set(np.bincount(asked.users).tolist()) == {0, 2}
    assert asked.users.tolist() == live(rows, most_queries=11).users.tolist()


def test_live_nobody_with_a_past_is_refused(log: Log) -> None:
    with pytest.raises(TooLittleDataError, match=r"after an earlier event.*--protocol frozen"):
        live(log([("a", "x", VIEW, 150), ("b", "x", VIEW, 10)]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*map(st.integers, (0, 0, 0, 0), (3, 4, 15, 20))), min_size=1, max_size=40))
def test_live_questions_agree_with_a_plain_reading_of_the_rule(
    log: Log, events: list[tuple[int, int, int, int]]
) -> None:
    kinds = list(EventType)
    rows = log([(f"u{u}", f"i{i}", kinds[k], 10 * t) for u, i, k, t in events])
    wanted = set()
    for user, item, kind, time in zip(rows.user, rows.item, rows.type, rows.time, strict=True):
        mine = (rows.user == user) & (rows.time < time)
        later = (rows.user == user) & (rows.item == item) & (rows.time >= time)
        back = kinds[kind] is CART and any(kinds[k] is EventType.UNCART for k in rows.type[later])
        if kinds[kind] is BUY:
            # Every return may be of the newest purchase left before it, so a purchase stands where from it on
            # there are at no time more returns than purchases.
            moments = rows.time[later]
            worth = np.array([BALANCE.get(kinds[k], 0) for k in rows.type[later]])
            back = any(worth[moments <= moment].sum() < 1 for moment in moments)
        if time >= CUT and mine.any() and kinds[kind] in POSITIVE_TYPES and not back:
            wanted.add((int(user), int(item), int(kind), int(rows.time[mine].max()), int(mine.sum())))
    try:
        asked = live(rows, queries_per_shopper=100)
    except TooLittleDataError:
        assert not wanted
        return
    lengths = asked.upto - rows.user_slices()[asked.users]
    columns = (asked.users, asked.truth.indices, asked.behaviour, asked.as_of, lengths)
    found = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(found) == len(wanted)
    assert set(found) == wanted


def test_a_window_of_searches_only_is_refused(log: Log) -> None:
    rows = log([("a", "x", BUY, 1), ("a", "x", EventType.RATING, 150)])
    with pytest.raises(TooLittleDataError, match="no purchase, cart, favourite, click or view"):
        questions(rows)
