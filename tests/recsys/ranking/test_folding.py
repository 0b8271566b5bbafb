"""A folded model answers as the whole one does where the feature has its fixed value."""

import copy

import lightgbm
import numpy as np
import pytest

from recsys.ranking.folding import fold_feature
from recsys.ranking.learning import _trees
from recsys.ranking.ranker import Ranker

VALUE = 1.0


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    """Clicks depend on two features and, strongly, on the third: the position."""
    dice = np.random.default_rng(3)
    rows = dice.normal(size=(4_000, 3))
    rows[:, 2] = dice.integers(1, 11, len(rows))
    chance = 1 / (1 + np.exp(-rows[:, 0] + rows[:, 1] * rows[:, 0] + rows[:, 2] / 2))
    labels = dice.random(len(rows)) < chance
    data = lightgbm.Dataset(rows, labels.astype(float), params={"verbose": -1, "use_missing": False})
    parameters = {
        "objective": "binary",
        "num_leaves": 16,
        "verbose": -1,
        "num_threads": 1,
        "use_missing": False,
    }
    return lightgbm.train(parameters, data, 30)


def split_columns(node: dict) -> set[int]:
    if "split_feature" not in node:
        return set()
    below = split_columns(node["left_child"]) | split_columns(node["right_child"])
    return {node["split_feature"], *below}


def test_predictions_equal_those_of_the_whole_model_at_the_fixed_value(booster: lightgbm.Booster) -> None:
    model = booster.dump_model()
    folded = fold_feature(model, 2, VALUE)
    used = [split_columns(tree["tree_structure"]) for tree in model["tree_info"]]
    assert any(2 in columns for columns in used)
    assert all(2 not in split_columns(tree["tree_structure"]) for tree in folded["tree_info"])
    rows = np.random.default_rng(4).normal(size=(500, 3)).astype(np.float32)
    rows[:, 2] = VALUE
    expected = booster.predict(rows.astype(np.float64), raw_score=True)
    # The matrix that serving has knows no third row at all.
    got = Ranker(_trees(folded), ("a", "b"), 1.0, 0.0).raw(np.ascontiguousarray(rows[:, :2].T))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def test_the_model_that_was_given_is_left_as_it_was(booster: lightgbm.Booster) -> None:
    model = booster.dump_model()
    before = copy.deepcopy(model)
    fold_feature(model, 2, VALUE)
    assert model == before


def test_a_feature_that_no_tree_asks_for_changes_nothing(booster: lightgbm.Booster) -> None:
    model = booster.dump_model()
    assert fold_feature(model, 7, VALUE)["tree_info"] == model["tree_info"]


def test_a_categorical_split_is_refused() -> None:
    leaf = {"leaf_value": 0.0}
    node = {
        "split_feature": 2,
        "decision_type": "==",
        "threshold": "1||2",
        "left_child": leaf,
        "right_child": leaf,
    }
    with pytest.raises(ValueError, match="'=='"):
        fold_feature({"tree_info": [{"tree_structure": node}]}, 2, VALUE)
