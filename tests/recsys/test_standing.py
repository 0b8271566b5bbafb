"""What was taken back is gone, and only what was said before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.standing import standing, standing_in_any_order, standing_purchases
from recsys.types import EVENT_CODES, EventType

BUY, CART, VIEW = EventType.PURCHASE, EventType.CART, EventType.VIEW
CANCEL, RETURN, UNCART = EventType.CANCEL, EventType.RETURN, EventType.UNCART


def codes(kinds: list[EventType]) -> np.ndarray:
    return np.array([EVENT_CODES[kind] for kind in kinds], np.int8)


def of_one(kinds: list[EventType]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one shopper and item."""
    return np.zeros(len(kinds), np.int64), codes(kinds)


@pytest.mark.parametrize(
    ("kinds", "stand"),
    [
        ([BUY, RETURN, BUY], [False, False, True]),
        ([RETURN, BUY, BUY], [False, True, True]),
        ([BUY, BUY, CANCEL], [True, False, False]),
        ([BUY, BUY, RETURN, CANCEL, RETURN, BUY], [False, False, False, False, False, True]),
        ([RETURN, RETURN, BUY, RETURN], [False, False, False, False]),
        ([VIEW, BUY, VIEW], [False, True, False]),
    ],
)
def test_a_return_takes_back_the_newest_purchase_that_stands(
    kinds: list[EventType], stand: list[bool]
) -> None:
    assert standing_purchases(*of_one(kinds)).tolist() == stand


def test_a_return_of_one_item_leaves_the_others_alone() -> None:
    keys = np.array([7, 3, 7, 9], np.int64)
    assert standing_purchases(keys, codes([BUY, BUY, RETURN, BUY])).tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("kinds", "stand"),
    [
        ([UNCART, CART], [True, True]),
        ([CART, CART, UNCART, CART, VIEW], [False, False, True, True, True]),
        ([CART, BUY, UNCART], [False, True, True]),
        ([CART, BUY, RETURN], [True, False, True]),
        ([CART, VIEW], [True, True]),
    ],
)
def test_a_cart_stands_unless_it_is_emptied_later(kinds: list[EventType], stand: list[bool]) -> None:
    assert standing(*of_one(kinds)).tolist() == stand


@pytest.mark.parametrize(
    ("kinds", "stand"),
    [
        ([BUY, RETURN], [False, True]),
        ([RETURN, BUY], [True, False]),
        ([BUY, RETURN, BUY], [True, True, True]),
        ([UNCART, CART, VIEW], [True, False, True]),
        ([CART, BUY, VIEW], [True, True, True]),
    ],
)
def test_without_an_order_stands_what_no_order_could_undo(kinds: list[EventType], stand: list[bool]) -> None:
    assert standing_in_any_order(*of_one(kinds)).tolist() == stand


def test_nothing_is_no_exception() -> None:
    assert len(standing(*of_one([]))) == len(standing_in_any_order(*of_one([]))) == 0


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([BUY, CART, VIEW, CANCEL, RETURN, UNCART])), max_size=30
    )
)
def test_both_agree_with_a_plain_reading_of_the_rule(rows: list[tuple[int, EventType]]) -> None:
    keys, types = np.array([key for key, _ in rows], np.int64), codes([kind for _, kind in rows])
    found, in_any = standing(keys, types), standing_in_any_order(keys, types)
    bought: dict[int, list[int]] = {}
    in_cart: dict[int, list[int]] = {}
    expected = [True] * len(rows)
    for row, (key, kind) in enumerate(rows):
        if kind in (BUY, CART):
            (bought if kind is BUY else in_cart).setdefault(key, []).append(row)
        elif kind is UNCART:
            for undone in in_cart.pop(key, []):
                expected[undone] = False
        elif kind in (CANCEL, RETURN) and bought.get(key):
            expected[bought[key].pop()] = False
    assert found.tolist() == expected
    # What stands in any order stands in this one: some purchase of the key, and its newest cart.
    for key in {key for key, _ in rows}:
        for kind in (BUY, CART):
            these = (keys == key) & (types == EVENT_CODES[kind])
            assert found[these].any() or not in_any[these].any()
