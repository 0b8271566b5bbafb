"""A question knows what came before its moment and nothing else; its answers are what was wanted and kept."""

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.labels import (
    LATER,
    NEXT,
    Question,
    held_out_questions,
    hold_out,
    label_start,
    opening_questions,
    questions,
    spread,
)
from recsys.testing import Row, log_of
from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS

VIEW, CLICK, CART, BUY = EventType.VIEW, EventType.CLICK, EventType.CART, EventType.PURCHASE
RETURN, UNCART, IMPRESSION = EventType.RETURN, EventType.UNCART, EventType.IMPRESSION
ITEMS = ("milk", "tea", "sofa", "lamp")
MILK, TEA, SOFA, LAMP = range(4)


def asked(
    rows: list[Row], day: float, most: int = 100, per_shopper: int = 100, seed: int = 0
) -> list[Question]:
    """Questions about what happened from a day on."""
    log = log_of(rows, ITEMS)
    return list(questions(log, round(day * DAY_MS), most, per_shopper, 50, seed))


def wanted(question: Question) -> dict[int, int]:
    return dict(zip(question.items.tolist(), question.grades.tolist(), strict=True))


def test_what_comes_next_is_graded_above_what_comes_later() -> None:
    rows = [("ann", item, VIEW, day) for item, day in (("milk", 1), ("tea", 5), ("sofa", 6), ("lamp", 7))]
    first, second, third = asked(rows, day=5)
    assert wanted(first) == {TEA: NEXT, SOFA: LATER, LAMP: LATER}
    assert wanted(second) == {SOFA: NEXT, LAMP: LATER}
    assert wanted(third) == {LAMP: NEXT}


def test_a_question_is_asked_at_the_event_before_and_never_at_the_time_of_its_answer() -> None:
    rows = [("ann", "milk", VIEW, 1), ("ann", "tea", VIEW, 5), ("ann", "sofa", VIEW, 9)]
    first, second = asked(rows, day=2)
    assert (first.as_of, second.as_of) == (DAY_MS, 5 * DAY_MS)
    assert second.history.items.tolist() == [MILK, TEA]
    for question in (first, second):
        assert question.history.times.max() == question.as_of


def test_a_question_is_asked_when_its_window_begins_at_the_earliest() -> None:
    rows = [("ann", "milk", VIEW, 1), ("ann", "tea", VIEW, 5), ("ann", "sofa", VIEW, 9)]
    assert [question.asked_at for question in asked(rows, day=4)] == [4 * DAY_MS] * 2


def test_visits_are_asked_about_as_they_open_and_nothing_within_them_is() -> None:
    minute = 1 / 24 / 60
    days = {"milk": 1.0, "tea": 5.0, "sofa": 5 + 29 * minute, "lamp": 5 + 60 * minute}
    log = log_of([("ann", item, VIEW, day) for item, day in days.items()], ITEMS)
    tea, lamp = opening_questions(log, 2 * DAY_MS, 100, 100, 50, 0)
    assert wanted(tea) == {TEA: NEXT, SOFA: LATER, LAMP: LATER}
    assert (tea.as_of, tea.asked_at) == (DAY_MS, 5 * DAY_MS)
    assert wanted(lamp) == {LAMP: NEXT}
    assert lamp.history.items.tolist() == [MILK, TEA, SOFA]


def test_a_basket_is_one_moment_and_all_of_it_is_wanted_next() -> None:
    rows = [("ann", "milk", BUY, 1), *(("ann", item, BUY, 8) for item in ("tea", "sofa", "lamp"))]
    (question,) = asked(rows, day=5)
    assert wanted(question) == {TEA: NEXT, SOFA: NEXT, LAMP: NEXT}
    assert question.history.items.tolist() == [MILK]


def test_what_was_given_back_is_not_wanted_and_does_not_hide_the_rest() -> None:
    rows = [
        ("ann", "milk", VIEW, 1),
        ("ann", "tea", BUY, 5),
        ("ann", "sofa", BUY, 5),
        ("ann", "tea", RETURN, 9),
    ]
    (question,) = asked(rows, day=4)
    assert wanted(question) == {SOFA: NEXT}


def test_a_purchase_that_stands_is_wanted_whatever_was_taken_back_beside_it() -> None:
    rows = [("ann", "milk", VIEW, 1)]
    rows += [("ann", "tea", BUY, 5), ("ann", "tea", BUY, 6), ("ann", "tea", RETURN, 9)]
    rows += [("ann", "sofa", CART, 5), ("ann", "sofa", BUY, 6), ("ann", "sofa", UNCART, 7)]
    rows += [("ann", "lamp", CART, 5), ("ann", "lamp", UNCART, 6)]
    (question, *_) = asked(rows, day=4)
    assert wanted(question) == {TEA: NEXT, SOFA: NEXT}


def test_who_never_touched_anything_before_is_asked_nothing() -> None:
    rows = [("ann", "milk", VIEW, 9), ("bob", "milk", BUY, 8), ("bob", "tea", BUY, 8)]
    assert asked(rows, day=5) == []


def test_asked_for_the_unseen_a_question_wants_nothing_its_history_holds() -> None:
    rows = [("ann", "milk", VIEW, 1), ("ann", "milk", BUY, 6), ("ann", "tea", VIEW, 7)]
    again = asked(rows, day=5)[0]
    fresh = again.unseen()
    assert wanted(again) == {MILK: NEXT, TEA: LATER}
    assert wanted(fresh) == {TEA: LATER}
    assert fresh.without.tolist() == [MILK]
    assert (len(fresh.kinds), fresh.as_of, fresh.history) == (1, again.as_of, again.history)


def test_impressions_answer_nothing_but_a_history_may_hold_them() -> None:
    rows = [("ann", "milk", IMPRESSION, 1), ("ann", "tea", IMPRESSION, 6), ("ann", "sofa", VIEW, 7)]
    (question,) = asked(rows, day=5)
    assert wanted(question) == {SOFA: NEXT}
    assert len(question.history) == 2


@pytest.mark.parametrize(
    ("kinds", "strongest"), [((VIEW, BUY), BUY), ((CART, CLICK), CART), ((BUY, CART), BUY), ((CLICK,), VIEW)]
)
def test_an_answer_says_the_strongest_thing_that_was_done(
    kinds: tuple[EventType, ...], strongest: EventType
) -> None:
    rows = [
        ("ann", "milk", VIEW, 1.0),
        *(("ann", "tea", kind, 6 + hour / 24) for hour, kind in enumerate(kinds)),
    ]
    assert asked(rows, day=5)[0].kinds.tolist() == [EVENT_CODES[strongest]]


def test_moments_of_one_shopper_are_spread_evenly_and_shoppers_drawn_by_the_seed() -> None:
    rows = [(f"user{n}", ITEMS[day % 4], VIEW, day) for n in range(30) for day in range(41)]
    found = asked(rows, day=1, per_shopper=5)
    times = [question.as_of // DAY_MS for question in found if question.user == 0]
    assert times == [0, 10, 20, 29, 39]
    few = asked(rows, day=1, most=20, per_shopper=5)
    assert len(few) == 20
    assert [q.user for q in few] == sorted(q.user for q in few)
    assert {q.user for q in few} == {q.user for q in asked(rows, day=1, most=20, per_shopper=5)}
    assert {q.user for q in few} != {q.user for q in asked(rows, day=1, most=20, per_shopper=5, seed=1)}


def test_a_history_keeps_its_newest_events() -> None:
    log = log_of([("ann", ITEMS[day % 4], VIEW, day) for day in range(10)], ITEMS)
    (question,) = questions(log, 9 * DAY_MS, 10, 10, 3, 0)
    assert (question.history.times // DAY_MS).tolist() == [6, 7, 8]


@pytest.mark.parametrize(("count", "most", "expected"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (9, 1, [0])])
def test_spread_takes_both_ends_and_keeps_the_gaps_equal(count: int, most: int, expected: list[int]) -> None:
    assert spread(np.arange(count), most).tolist() == expected


def held(log: Interactions, most: int = 100, seed: int = 0) -> list[Question]:
    return list(held_out_questions(log, hold_out(log, most, seed), 50))


def test_where_times_mean_nothing_one_row_of_the_strongest_behaviour_is_held_out() -> None:
    log = log_of(
        [
            *(("ann", item, VIEW, 0) for item in ITEMS),
            ("ann", "sofa", BUY, 0),
            ("bob", "milk", VIEW, 0),
            ("bob", "tea", VIEW, 0),
            ("eve", "lamp", BUY, 0),
        ],
        ITEMS,
    )
    question, weaker = held(log)
    assert log.users[weaker.user] == "bob"
    assert weaker.kinds.tolist() == [EVENT_CODES[VIEW]]
    assert (log.users[question.user], wanted(question)) == ("ann", {SOFA: NEXT})
    assert question.kinds.tolist() == [EVENT_CODES[BUY]]
    assert question.history.items.tolist() == [MILK, TEA, SOFA, LAMP]
    assert not (question.history.types == EVENT_CODES[BUY]).any()


def test_few_purchases_are_asked_about_first_and_views_where_there_is_room() -> None:
    rows: list[Row] = [(f"user{n:03}", item, VIEW, 0) for n in range(200) for item in ITEMS]
    rows += [(f"user{n:03}", "tea", BUY, 0) for n in range(0, 200, 10)]
    for most, bought in ((500, 20), (50, 20), (12, 12)):
        found = held(log_of(rows, ITEMS), most)
        assert len(found) == len({question.user for question in found}) == min(most, 200)
        assert sum(question.kinds.tolist() == [EVENT_CODES[BUY]] for question in found) == bought


def test_who_only_took_things_back_or_saw_lists_is_not_asked() -> None:
    rows: list[Row] = [("ann", "milk", BUY, 0), ("ann", "milk", RETURN, 0)]
    rows += [("bob", "tea", IMPRESSION, 0), ("bob", "sofa", IMPRESSION, 0)]
    assert held(log_of(rows, ITEMS)) == []


def test_a_purchase_that_came_back_is_not_held_out_as_wanted() -> None:
    rows: list[Row] = []
    for number in range(20):
        rows += [(f"user{number}", "milk", BUY, 0), (f"user{number}", "milk", RETURN, 0)]
        rows += [(f"user{number}", "tea", BUY, 0)]
    assert {code for question in held(log_of(rows, ITEMS)) for code in wanted(question)} == {TEA}


def test_an_item_bought_more_often_than_it_came_back_may_be_held_out() -> None:
    rows: list[Row] = []
    for number in range(20):
        rows += [(f"user{number}", "milk", kind, 0) for kind in (BUY, RETURN, BUY, CART, UNCART)]
        rows += [(f"user{number}", "tea", VIEW, 0)]
    assert {code for question in held(log_of(rows, ITEMS)) for code in wanted(question)} == {MILK}


def test_no_more_shoppers_are_held_out_than_asked_for_and_one_seed_draws_the_same() -> None:
    log = log_of([(f"user{n}", item, BUY, 0) for n in range(40) for item in ITEMS], ITEMS)
    first, again, other = (hold_out(log, 10, seed) for seed in (1, 1, 2))
    assert first.sum() == len(set(log.user[first].tolist())) == 10
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_label_window_is_the_end_of_the_log_and_never_more_than_its_share() -> None:
    long = log_of([("ann", "milk", VIEW, 0), ("ann", "milk", VIEW, 400)])
    assert label_start(long, 28) == long.end + 1 - 28 * DAY_MS
    short = log_of([("ann", "milk", VIEW, 0), ("ann", "milk", VIEW, 8)])
    assert label_start(short, 28) == pytest.approx(6 * DAY_MS, abs=2)
    assert label_start(long.before(0), 28) == 0
