"""Interactions keep their order and slice by time, type and shopper."""

import numpy as np

from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

VIEW, CART = EVENT_CODES[EventType.VIEW], EVENT_CODES[EventType.CART]


def rows() -> Interactions:
    return Interactions.sort(
        users=Vocabulary(["甲", "b"]),
        items=Vocabulary(["x", "y", "z"]),
        columns=(
            np.array([1, 0, 1, 0], np.int32),
            np.array([2, 0, 1, 1], np.int32),
            np.array([VIEW, VIEW, CART, CART], np.int8),
            np.array([40, 30, 10, 20], np.int64),
            np.array([0, 1, 2, 3], np.int32),
            np.ones(4, np.float32),
        ),
    )


def test_rows_are_sorted_by_shopper_then_time() -> None:
    assert rows().user.tolist() == [0, 0, 1, 1]
    assert rows().time.tolist() == [20, 30, 10, 40]
    assert rows().item.tolist() == [1, 0, 1, 2]


def test_rows_of_one_moment_keep_the_order_they_came_in() -> None:
    same = Interactions.sort(
        users=Vocabulary(["a"]),
        items=Vocabulary(["x", "y"]),
        columns=(
            np.zeros(3, np.int32),
            np.array([1, 0, 1], np.int32),
            np.full(3, VIEW, np.int8),
            np.full(3, 5, np.int64),
            np.zeros(3, np.int32),
            np.ones(3, np.float32),
        ),
    )
    assert same.item.tolist() == [1, 0, 1]


def test_before_excludes_its_moment_and_window_includes_its_start_only() -> None:
    assert rows().before(30).time.tolist() == [20, 10]
    assert sorted(rows().window(20, 40).time.tolist()) == [20, 30]


def test_of_types_keeps_the_named_types_only() -> None:
    assert set(rows().of_types([EventType.CART]).type.tolist()) == {CART}
    assert len(rows().of_types([])) == 0


def test_user_items_adds_up_values_of_one_pair() -> None:
    twice = rows().where(np.array([0, 0, 1], np.int64))
    matrix = twice.user_items(np.array([1.0, 2.0, 5.0], np.float32)).toarray()
    assert matrix.tolist() == [[5.0, 3.0, 0.0], [0.0, 0.0, 0.0]]


def test_per_user_gives_every_shopper_exactly_their_rows() -> None:
    data = rows()
    assert [data.time[part].tolist() for part in data.per_user([1, 0])] == [[10, 40], [20, 30]]


def test_end_is_the_newest_time_and_zero_without_rows() -> None:
    assert rows().end == 40
    assert rows().before(0).end == 0
