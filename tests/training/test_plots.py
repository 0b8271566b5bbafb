"""Pictures of an evaluation."""

import csv
from pathlib import Path

import numpy as np
import pytest

from recsys.metrics import Interval
from recsys.ranking.features import FEATURES
from recsys.ranking.learning import Lesson
from recsys.ranking.ranker import Ranker, Trees
from training.evaluate import Scores
from training.plots import _spread, draw_contributions, draw_importance, draw_slices, draw_systems

PNG = b"\x89PNG"


def scores(system: str, part: str, values: list[float]) -> Scores:
    return Scores(system, part, {"ndcg@20": np.array(values)}, {}, 100, 0)  # type: ignore[arg-type]


def test_systems_are_drawn_for_both_parts(tmp_path: Path) -> None:
    drawn = [scores(name, part, [0.1, 0.5]) for name in ("release", "popularity") for part in ("all", "new")]
    path = draw_systems(drawn, "ndcg@20", tmp_path / "plots")
    assert path.read_bytes().startswith(PNG)


def test_nobody_asked_is_left_out_not_drawn_as_zero(tmp_path: Path) -> None:
    nobody = [scores("release", "all", [0.2]), scores("release", "new", [])]
    assert draw_systems(nobody, "ndcg@20", tmp_path).read_bytes().startswith(PNG)


def test_slices_are_drawn(tmp_path: Path) -> None:
    found = {"1-4 events": Interval(0.2, 0.1, 0.3, 7), "category 茶": Interval(0.1, 0.0, 0.2, 3)}
    assert draw_slices(found, "ndcg@20", tmp_path).read_bytes().startswith(PNG)


@pytest.fixture
def lesson() -> Lesson:
    """The gain names the third feature, the contributions the second."""
    empty = Ranker(Trees(*(np.empty(0) for _ in range(5))), FEATURES, 1.0, 0.0)
    dice = np.random.default_rng(1)
    shap = np.zeros((200, len(FEATURES)))
    shap[:, 1] = dice.choice([-2.0, 2.0], 200)
    importance = dict.fromkeys(FEATURES, 0.0) | {FEATURES[2]: 0.75, FEATURES[1]: 0.25}
    sample = dice.random((200, len(FEATURES))).astype(np.float32)
    return Lesson(empty, 900, 0.3, 0.2, importance, sample, shap)


def test_importance_is_drawn_and_told_for_every_feature(lesson: Lesson, tmp_path: Path) -> None:
    assert draw_importance(lesson, tmp_path / "plots").read_bytes().startswith(PNG)
    with (tmp_path / "plots" / "importance.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["feature"] for row in rows[:2]] == [FEATURES[2], FEATURES[1]]
    assert {row["feature"] for row in rows} == set(FEATURES)
    assert [float(row["gain"]) for row in rows[:2]] == [0.75, 0.25]
    assert [float(row["mean_abs_contribution"]) for row in rows[:2]] == [0.0, 2.0]


def test_contributions_are_drawn(lesson: Lesson, tmp_path: Path) -> None:
    assert draw_contributions(lesson, tmp_path).read_bytes().startswith(PNG)


def test_dots_of_one_value_lie_beside_each_other_and_lone_ones_on_the_line() -> None:
    offsets = _spread(np.array([5.0, 5.0, 5.0, 0.0, 5.0, 5.0]))
    assert offsets[3] == 0
    assert len(set(offsets[[0, 1, 2, 4, 5]].tolist())) == 5
    assert np.abs(offsets).max() <= 0.4
