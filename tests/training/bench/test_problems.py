"""The protocols of the bench on a log whose questions and answers are known."""

import numpy as np

from training.bench.data import BenchData
from training.bench.problems import Course, Problem, few_shoppers, range_of
from training.exam import Part

CUT = 1_440_201_600_000
HOUR = 3_600_000
SHOPPERS = 25


def problem(course: Course, title: str) -> tuple[Problem, Part]:
    return next(
        (found, part) for found in course.problems for part, named in found.titles.items() if named == title
    )


def answers(course: Course, title: str) -> set[tuple[str, str, int]]:
    """(shopper, item, hours from the cut to the question)."""
    found, part = problem(course, title)
    asked, log = found.exam.questions[part], found.exam.log
    rows = np.repeat(np.arange(len(asked)), np.diff(asked.truth.indptr))
    return {
        (log.users[int(asked.users[row])], log.items[int(item)], round((asked.as_of[row] - CUT) / HOUR))
        for row, item in zip(rows, asked.truth.indices, strict=True)
    }


def test_models_learn_from_rows_before_the_cut_alone(course: Course) -> None:
    assert course.train.time.max() < CUT == course.until
    assert len(course.train) == 2 * SHOPPERS == course.data.events


def test_next_asks_about_every_event_with_a_past_at_the_time_of_the_one_before(course: Course) -> None:
    found = answers(course, "next")
    assert len(found) == 2 * SHOPPERS
    assert {(user, item, hours) for user, item, hours in found if user == "s24"} == {
        ("s24", "y-24", -76),
        ("s24", "x-24", 1),
    }


def test_next_new_leaves_out_what_the_shopper_had_seen(course: Course) -> None:
    assert {item for _, item, _ in answers(course, "next, new items")} == {f"y-{n}" for n in range(SHOPPERS)}


def test_frozen_asks_once_at_the_cut_about_everything_touched(course: Course) -> None:
    expected = {(f"s{n}", f"{kind}-{n}", 0) for n in range(SHOPPERS) for kind in "xy"}
    assert answers(course, "frozen") == expected


def test_frozen_purchases_ask_about_purchases(course: Course) -> None:
    assert answers(course, "frozen purchases") == {(f"s{n}", f"x-{n}", 0) for n in range(SHOPPERS)}
    assert answers(course, "frozen purchases, new items") == set()


def test_who_did_nothing_before_is_not_asked(course: Course) -> None:
    everything = {
        user for found in course.problems for user, *_ in answers(course, next(iter(found.titles.values())))
    }
    assert "late" not in everything


def test_a_quick_run_keeps_whole_shoppers_and_the_codes(tiny: BenchData) -> None:
    few = few_shoppers(tiny, 7).interactions
    shoppers = np.unique(few.user)
    assert len(shoppers) == 7
    assert len(few) == np.isin(tiny.interactions.user, shoppers).sum()
    assert (few.users, few.items) == (tiny.interactions.users, tiny.interactions.items)


def test_the_hash_of_rows_is_that_of_their_content(tiny: BenchData) -> None:
    rows = tiny.interactions
    again = rows.where(np.ones(len(rows), bool))
    assert range_of(rows) == range_of(again)
    assert range_of(rows).hash != range_of(rows.where(np.arange(len(rows)) > 0)).hash
