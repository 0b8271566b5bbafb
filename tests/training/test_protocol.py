"""Questions of the frozen protocol: whose, when, and what answers them."""

from collections.abc import Callable

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.types import EventType
from training.config import EvaluationConfig, SplitConfig
from training.errors import TooLittleDataError
from training.protocol import Questions, ask
from training.split import Split, leave_last_out

Log = Callable[..., Interactions]
BUY, VIEW, CART = EventType.PURCHASE, EventType.VIEW, EventType.CART
CUT = 100


def split(rows: Interactions) -> Split:
    return Split("temporal", CUT, rows.end + 1, rows.before(CUT), rows.window(CUT, rows.end + 1))


def questions(rows: Interactions, **settings: int) -> Questions:
    return ask(split(rows), np.ones(len(rows.users), bool), EvaluationConfig(**settings), seed=0)


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
    assert asked.behaviour is BUY
    assert asked.as_of.tolist() == [CUT]
    assert asked.truth.data.tolist() == [1]


def test_without_purchases_the_strongest_behaviour_answers(log: Log) -> None:
    rows = log([("a", "x", VIEW, 1), ("a", "y", CART, 150), ("a", "z", VIEW, 150), ("b", "x", VIEW, 150)])
    asked = questions(rows)
    assert asked.behaviour is CART
    assert answers(rows, asked) == {"a": {"y"}}


def test_a_purchase_that_was_returned_is_no_answer(log: Log) -> None:
    rows = log(
        [("a", "x", BUY, 150), ("a", "x", EventType.RETURN, 170), ("b", "x", BUY, 150), ("b", "y", BUY, 1)]
    )
    assert answers(rows, questions(rows)) == {"b": {"x"}}


def test_a_shopper_without_a_past_is_asked_too(log: Log) -> None:
    rows = log([("new", "x", BUY, 150), ("old", "x", BUY, 1)])
    asked = questions(rows)
    assert answers(rows, asked) == {"new": {"x"}}
    assert asked.seen.nnz == 0


def test_sessions_without_a_shopper_are_not_asked(log: Log) -> None:
    rows = log([("a", "x", BUY, 150), ("session", "y", BUY, 150)])
    asked = ask(split(rows), np.array([True, False]), EvaluationConfig(), seed=0)
    assert answers(rows, asked) == {"a": {"x"}}


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


def test_leave_last_out_asks_at_the_time_of_the_event_before(log: Log) -> None:
    rows = log(
        [
            ("甲", "x", VIEW, 3),
            ("甲", "y", VIEW, 4),
            ("甲", "z", VIEW, 9),
            ("乙", "x", VIEW, 1),
            ("乙", "y", VIEW, 2),
        ]
    )
    cut = leave_last_out(rows, SplitConfig(least_shoppers=2))
    asked = ask(cut, np.ones(2, bool), EvaluationConfig(), seed=0)
    assert answers(rows, asked) == {"甲": {"z"}, "乙": {"y"}}
    assert dict(zip([rows.users[int(u)] for u in asked.users], asked.as_of.tolist(), strict=True)) == {
        "甲": 4,
        "乙": 1,
    }


def test_a_window_of_searches_only_is_refused(log: Log) -> None:
    rows = log([("a", "x", BUY, 1), ("a", "x", EventType.RATING, 150)])
    with pytest.raises(TooLittleDataError, match="no purchase, cart, favourite, click or view"):
        questions(rows)
