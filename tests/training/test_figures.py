"""An evaluation as tables, JSON and MLflow names."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from feature_store.offline import DataRange
from recsys.metrics import Interval
from recsys.types import EventType
from training.config import EvaluationConfig
from training.evaluate import RELEASE, Scores
from training.exam import Exam
from training.figures import Evaluation, asked_of, format_interval
from training.protocol import ask
from training.split import Split

BUY = EventType.PURCHASE


@pytest.fixture
def evaluation(log) -> Evaluation:  # type: ignore[no-untyped-def]
    rows = log([("甲", "x", BUY, 1), ("甲", "x", BUY, 9), ("乙", "y", BUY, 9)])
    split = Split("temporal", 5, 10, rows.before(5), rows.window(5, 10))
    config = EvaluationConfig(k=(2,), resamples=100)
    asked = ask(split, np.ones(2, bool), config, 0)
    questions = {"all": asked, "new": asked.new()}
    exam = Exam(split, questions, {"甲": {"a": 1}}, DataRange(1, 9, 3, "h"), config, 0, 100)
    names = ("ndcg@2", "recall@2", "mrr@2", "hr@2", "map@2")
    scores = [
        Scores(
            system, part, dict.fromkeys(names, values[: len(questions[part])]), {"coverage@2": 0.5}, 100, 0
        )
        for system, values in (
            (RELEASE, np.array([1.0, 0.0])),
            ("ALS defaults, seen excluded", np.array([0.0, 0.0])),
        )
        for part in ("all", "new")
    ]
    return Evaluation(exam, scores)


def printed(evaluation: Evaluation) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(evaluation.table("all"))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_table_names_every_system_and_how_many_were_asked(evaluation: Evaluation) -> None:
    text = printed(evaluation)
    assert "2 shoppers, purchases" in text
    assert "ALS defaults, seen excluded" in text
    assert "0.5000 [0.000, 1.000]" in text


def test_questions_are_counted_where_a_shopper_asks_more_than_once(evaluation: Evaluation) -> None:
    asked = evaluation.exam.questions["all"]
    assert asked_of(asked) == "2 shoppers, purchases"
    assert asked_of(asked.where(np.array([0, 0, 1]))) == "3 questions of 2 shoppers, purchases"
    assert asked_of(asked.where(np.zeros(2, bool))) == "0 shoppers"


def test_the_second_table_and_the_slices_are_readable(evaluation: Evaluation) -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(evaluation.beyond_table(), evaluation.slice_table())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "novelty" in text and "beyond accuracy" in text
    line = next(line for line in text.splitlines() if "no history" in line)
    assert line.split()[2:] == ["1", "0.0000", "[0.000,", "0.000]", "small"]


def test_mlflow_names_carry_system_and_part(evaluation: Evaluation) -> None:
    flat = evaluation.flat()
    assert flat["ndcg@2"] == 0.5
    assert flat["ndcg@2.new"] == 1.0
    assert flat["ALS defaults seen excluded.hr@2"] == 0.0
    assert flat["coverage@2"] == 0.5


def test_figures_nobody_was_asked_for_are_left_out_of_mlflow(evaluation: Evaluation) -> None:
    empty = replace(
        evaluation.scores[1], per_query={"ndcg@2": np.empty(0)}, coverage={"coverage@2": math.nan}
    )
    assert Evaluation(evaluation.exam, [empty]).flat() == {}


def test_slices_are_of_the_release_on_all_items(evaluation: Evaluation) -> None:
    found = evaluation.by_slice("ndcg@2")
    assert {name: (i.mean, i.count) for name, i in found.items()} == {
        "no history": (0.0, 1),
        "1-4 events": (1.0, 1),
        "new shoppers": (0.5, 2),
        "with attributes": (1.0, 1),
        "without attributes": (0.0, 1),
    }
    plain = evaluation.plain_slices()["no history"]
    assert (plain["shoppers"], plain["small"]) == (1, True)  # type: ignore[index]


def test_json_says_what_was_asked_and_every_figure(evaluation: Evaluation) -> None:
    plain = evaluation.plain()
    assert plain["exam"]["questions"] == {"all": 2, "new": 1}  # type: ignore[index]
    assert plain["systems"][RELEASE]["new"]["mrr@2"]["mean"] == 1.0  # type: ignore[index]


def test_intervals_are_written_short_signed_or_as_a_dash() -> None:
    interval = Interval(-0.01234, -0.02, 0.003, 9)
    assert format_interval(interval) == "-0.0123 [-0.020, 0.003]"
    assert format_interval(interval, signed=True) == "-0.0123 [-0.020, +0.003]"
    assert format_interval(interval, wide=False) == "-0.0123"
    assert format_interval(Interval(math.nan, math.nan, math.nan, 0)) == "–"
