"""Known figures of known lists."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from feature_store.offline import DataRange
from recsys.interactions import Interactions
from recsys.types import EventType
from training.config import EvaluationConfig
from training.evaluate import Scores, measure, slices
from training.exam import Exam
from training.protocol import ask
from training.split import Split

Log = Callable[..., Interactions]
BUY = EventType.PURCHASE


@pytest.fixture
def exam(log: Log) -> Exam:
    """`a` knows w and buys x and y later; `b` knows x and buys x again; nothing else happens."""
    before = [("a", "w", BUY, 1), ("b", "x", BUY, 1)]
    after = [("a", "x", BUY, 9), ("a", "y", BUY, 9), ("b", "x", BUY, 9)]
    rows = log([*before, *after], ["w", "x", "y", "z"])
    split = Split("temporal", 5, 10, rows.before(5), rows.window(5, 10))
    config = EvaluationConfig(k=(1, 2), resamples=100)
    asked = ask(split, np.ones(2, bool), config, 0)
    data = DataRange(1, 9, 5, "hash")
    return Exam(split, {"all": asked, "new": asked.new()}, {"a": {"likes": "tea"}}, data, config, 0, 100)


def lists(exam: Exam, *names: str, new: tuple[str, ...] = ("xy",)) -> dict[str, Any]:
    def codes(text: str) -> list[int]:
        return exam.log.items.encode(text).tolist()

    return {
        "all": np.array(list(map(codes, names)), np.int32),
        "new": np.array(list(map(codes, new)), np.int32),
    }


def scored(exam: Exam, *names: str, **new: tuple[str, ...]) -> dict[str, Scores]:
    found = measure("release", lists(exam, *names, **new), exam, np.ones(4, bool))
    return {scores.part: scores for scores in found}


def test_figures_are_means_over_shoppers(exam: Exam) -> None:
    found = scored(exam, "xz", "zx")["all"]
    assert found.interval("recall@2").mean == pytest.approx((1 / 2 + 1) / 2)
    assert found.interval("hr@1").mean == pytest.approx(1 / 2)
    assert found.interval("mrr@2").mean == pytest.approx((1 + 1 / 2) / 2)
    first = 1 / (1 + 1 / math.log2(3))
    assert found.interval("ndcg@2").mean == pytest.approx((first + 1 / math.log2(3)) / 2)


def test_coverage_counts_what_could_be_shown(exam: Exam) -> None:
    everything = measure("s", lists(exam, "xz", "xz"), exam, np.ones(4, bool))[0]
    half = measure("s", lists(exam, "xz", "xz"), exam, np.array([True, True, False, False]))[0]
    assert (everything.coverage["coverage@1"], everything.coverage["coverage@2"]) == (0.25, 0.5)
    assert half.coverage["coverage@2"] == 0.5


def test_the_new_part_is_scored_on_its_own_questions(exam: Exam) -> None:
    found = scored(exam, "wz", "wz", new=("xy",))
    assert found["new"].interval("ndcg@2").mean == 1.0
    assert found["new"].interval("ndcg@2").count == 1
    assert found["all"].interval("ndcg@2").mean == 0.0


def test_padding_and_unknown_codes_are_no_hits(exam: Exam) -> None:
    padded = {"all": np.array([[-1, -1], [77, -1]], np.int32), "new": np.array([[-1, -1]], np.int32)}
    found = measure("s", padded, exam, np.ones(80, bool))
    assert [scores.interval("hr@2").mean for scores in found] == [0.0, 0.0]


def test_slices_cut_by_history_and_attributes(exam: Exam) -> None:
    found = slices(exam.questions["all"], exam.tagged())
    assert found["1-4 events"].tolist() == [True, True]
    assert found["no history"].tolist() == [False, False]
    assert found["with attributes"].tolist() == [True, False]
    chosen = scored(exam, "xz", "zz")["all"].interval("hr@2", found["without attributes"])
    assert (chosen.mean, chosen.count) == (0.0, 1)


def test_nobody_asked_gives_nothing_in_json_not_a_nan(exam: Exam) -> None:
    nothing = {"per_shopper": {"ndcg@2": np.empty(0)}, "coverage": {"coverage@2": math.nan}}
    nobody = replace(scored(exam, "xz", "xz")["all"], **nothing)
    assert nobody.plain() == {"ndcg@2": {"mean": None, "low": None, "high": None}, "coverage@2": None}
