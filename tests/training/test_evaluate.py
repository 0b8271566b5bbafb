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
from training.facts import ItemFacts
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


def test_a_shoppers_questions_are_averaged_before_shoppers_are() -> None:
    asked = {"hr@1": np.array([1.0, 0.0, 0.0, np.nan, 1.0])}
    scores = Scores("s", "all", asked, {}, 100, 0, users=np.array([3, 3, 3, 5, 7], np.int32))
    assert scores.values("hr@1").tolist() == pytest.approx([1 / 3, 1.0])
    interval = scores.interval("hr@1")
    assert (interval.mean, interval.count) == (pytest.approx(2 / 3), 2)
    some = np.array([True, True, False, True, False])
    assert scores.values("hr@1", some).tolist() == [0.5]


def test_map_and_figures_beyond_accuracy_are_known_for_known_lists(exam: Exam) -> None:
    found = scored(exam, "xz", "xz")["all"]
    assert found.interval("map@2").mean == pytest.approx((1 / 2 + 1) / 2)
    assert found.beyond["personalisation@2"] == 0.0
    assert found.beyond["gini@2"] == pytest.approx(1 / 2)
    # w and x were touched once, y and z never: percentiles 3/4 and 1/4; the truth is x, y and x.
    assert found.beyond["popularity@1"] == 0.75
    assert found.beyond["popularity_bias@1"] == pytest.approx(0.75 - (0.5 + 0.75) / 2)
    assert found.beyond["novelty@1"] == pytest.approx(1.0)
    assert math.isnan(found.beyond["diversity@2"])
    assert scored(exam, "xz", "wy")["all"].beyond["personalisation@2"] == 1.0


def test_prices_and_margins_weigh_hits_where_they_are_known(exam: Exam) -> None:
    assert "price_ndcg@2" not in scored(exam, "xz", "xz")["all"].per_query
    facts = ItemFacts(price=np.array([np.nan, 3.0, 1.0, 5.0]), margin=np.array([1.0, np.nan, 2.0, np.nan]))
    found = scored(replace(exam, facts=facts), "yz", "xz")["all"]
    second = 1 / math.log2(3)
    assert found.per_query["price_ndcg@2"].tolist() == pytest.approx([1 / (3 + second), 1.0])
    assert found.per_query["margin_ndcg@2"].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert found.interval("margin_ndcg@2").count == 1


def test_a_part_asked_besides_is_measured_besides(exam: Exam) -> None:
    more = replace(exam, questions={**exam.questions, "touched": exam.questions["all"]})
    told = lists(exam, "xz", "xz")
    found = measure("s", {**told, "touched": told["all"]}, more, np.ones(4, bool))
    assert [scores.part for scores in found] == ["all", "new", "touched"]


def test_slices_cut_by_history_and_attributes(exam: Exam) -> None:
    found = slices(exam)
    assert found["1-4 events"].tolist() == [True, True]
    assert found["no history"].tolist() == [False, False]
    assert found["with attributes"].tolist() == [True, False]
    chosen = scored(exam, "xz", "zz")["all"].interval("hr@2", found["without attributes"])
    assert (chosen.mean, chosen.count) == (0.0, 1)


def test_nobody_asked_gives_nothing_in_json_not_a_nan(exam: Exam) -> None:
    nobody = Scores("s", "all", {"ndcg@2": np.empty(0)}, {"coverage@2": math.nan}, 100, 0)
    assert nobody.plain() == {"ndcg@2": {"mean": None, "low": None, "high": None}, "coverage@2": None}
