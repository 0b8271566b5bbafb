"""Which questions belong to which slice, on logs where it is known."""

from collections.abc import Callable

import numpy as np

from feature_store.offline import DataRange
from recsys.interactions import Interactions
from recsys.types import EventType
from recsys.weights import DAY_MS
from training.config import EvaluationConfig, SplitConfig
from training.exam import Exam
from training.facts import ItemFacts
from training.protocol import ask, ask_next
from training.slices import slices
from training.split import Split, leave_one_out

Log = Callable[..., Interactions]
BUY, VIEW, CART = EventType.PURCHASE, EventType.VIEW, EventType.CART
CUT = 100 * DAY_MS


def exam_of(rows: Interactions, *, live: bool = False, facts: ItemFacts | None = None) -> Exam:
    end = rows.end + 1
    split = Split("temporal", CUT, end, rows.before(CUT), rows.window(CUT, end))
    known, config = np.ones(len(rows.users), bool), EvaluationConfig()
    asked = ask_next(rows, split, known, config, 0) if live else ask(split, known, config, 0)
    return Exam(
        split,
        {"all": asked, "new": asked.new()},
        {},
        DataRange(0, 1, 1, "h"),
        config,
        0,
        100,
        "next" if live else "frozen",
        rows if live else None,
        facts or ItemFacts(),
    )


def members(exam: Exam, name: str) -> list[str]:
    rows = slices(exam)[name]
    return [exam.log.users[int(user)] for user in exam.questions["all"].users[rows]]


def days(user: str, *active: float) -> list[tuple[str, str, EventType, int]]:
    return [(user, "x", BUY, int(day * DAY_MS)) for day in active]


def test_life_is_read_from_silence_in_units_of_ones_own_rhythm(log: Log) -> None:
    rows = log(
        [
            *days("daily", *range(80, 100), 101),
            *days("daily, 3 days late", *range(80, 97), 101),
            *days("daily, 9 days late", *range(80, 91), 101),
            *days("monthly", 10, 40, 70, 101),
            *days("fresh", 97, 101),
            *days("unknown", 101),
        ]
    )
    exam = exam_of(rows)
    assert members(exam, "active shoppers") == ["daily", "monthly"]
    assert members(exam, "shoppers at risk") == ["daily, 3 days late"]
    assert members(exam, "sleeping shoppers") == ["daily, 9 days late"]
    assert members(exam, "new shoppers") == ["fresh", "unknown"]


def test_who_came_on_one_day_only_has_the_rhythm_of_the_median_shopper(log: Log) -> None:
    weekly = [row for n in range(5) for row in days(f"w{n}", 84, 91, 98)]
    rows = log([*weekly, *days("twelve days ago", 88, 101), *days("forty", 60, 101)])
    exam = exam_of(rows)
    assert members(exam, "active shoppers") == ["twelve days ago"]
    assert members(exam, "sleeping shoppers") == ["forty"]


def test_live_silence_lasts_until_the_answer_and_history_grows(log: Log) -> None:
    exam = exam_of(log(days("a", *range(80, 100), 101, 110)), live=True)
    found = {name: rows.tolist() for name, rows in slices(exam).items()}
    assert found["active shoppers"] == [True, False]
    assert found["sleeping shoppers"] == [False, True]
    assert found["20-99 events"] == [True, True]


def test_behaviours_are_slices_where_there_are_several(log: Log) -> None:
    rows = log([("a", "x", VIEW, 0), ("a", "y", VIEW, CUT), ("a", "z", CART, CUT + 1)])
    found = slices(exam_of(rows, live=True))
    assert (found["views"].tolist(), found["carts"].tolist()) == ([True, False], [False, True])
    assert "carts" not in slices(exam_of(rows))


def test_a_question_belongs_to_the_category_of_most_of_its_truth(log: Log) -> None:
    names = ["t1", "t2", "c1", "?"]
    rows = log(
        [
            *(("mostly tea", item, BUY, CUT) for item in ("t1", "t2", "c1")),
            *(("coffee", item, BUY, CUT) for item in ("c1", "?")),
            ("nobody knows", "?", BUY, CUT),
            ("past", "t1", BUY, 0),
        ],
        names,
    )
    facts = ItemFacts(top=np.array([0, 0, 1, -1], np.int32), names=("Tea", "Coffee"))
    exam = exam_of(rows, facts=facts)
    assert members(exam, "category Tea") == ["mostly tea"]
    assert members(exam, "category Coffee") == ["coffee"]
    assert members(exam, "no known category") == ["nobody knows"]
    assert members(exam, "other categories") == []


def test_of_many_categories_the_most_asked_for_are_named(log: Log) -> None:
    rows = log(
        [(f"u{n}-{i}", f"i{i}", BUY, CUT) for i in range(15) for n in range(15 - i)],
        [f"i{i}" for i in range(15)],
    )
    facts = ItemFacts(top=np.arange(15, dtype=np.int32), names=tuple(f"c{i}" for i in range(15)))
    found = slices(exam_of(rows, facts=facts))
    assert [name for name in found if name.startswith("category")] == [f"category c{i}" for i in range(12)]
    assert found["category c0"].sum() == 15
    assert found["other categories"].sum() == 3 + 2 + 1


def test_made_up_times_say_nothing_of_a_shoppers_life(log: Log) -> None:
    rows = log([(f"u{n}", item, BUY, 0) for n in range(3) for item in "xy"])
    split = leave_one_out(rows, SplitConfig(least_shoppers=2))
    asked = ask(split, np.ones(3, bool), EvaluationConfig(), 0)
    parts = {"all": asked, "new": asked.new()}
    exam = Exam(split, parts, {}, DataRange(0, 1, 1, "h"), EvaluationConfig(), 0, 9, "split")
    assert not any("shoppers" in name for name in slices(exam))
