"""Walking arrays gives LightGBM's own predictions: what is served is what was learned."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from recsys.ranking.learning import _trees
from recsys.ranking.ranker import Ranker

FEATURES = ("a", "b", "c", "d")


def booster(seed: int, rounds: int = 20, leaves: int = 8) -> tuple[lightgbm.Booster, np.ndarray]:
    """Trees on random rows float32[500, 4] with ties, zeros and huge values."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(500, len(FEATURES))).astype(np.float32)
    rows[:, 1] = generator.integers(0, 3, 500)
    rows[:, 2] *= np.float32(1e30)
    rows[generator.random(500) < 0.3, 3] = 0
    labels = (rows[:, 0] + rows[:, 1] * (rows[:, 3] > 0) > 0.5).astype(np.float64)
    data = lightgbm.Dataset(rows, labels, params={"verbose": -1})
    settings = {"objective": "binary", "num_leaves": leaves, "verbose": -1, "seed": seed, "num_threads": 1}
    return lightgbm.train({**settings, "min_data_in_leaf": 5, "use_missing": False}, data, rounds), rows


def ranker_of(trained: lightgbm.Booster) -> Ranker:
    return Ranker(_trees(trained.dump_model()), FEATURES, 1.0, 0.0)


def thresholds(trained: lightgbm.Booster) -> Iterator[float]:
    """Of every split as the library has them, in double precision and in the order of the arrays."""

    def below(node: dict[str, Any]) -> Iterator[float]:
        if "threshold" in node:
            yield node["threshold"]
            yield from below(node["left_child"])
            yield from below(node["right_child"])

    for tree in trained.dump_model()["tree_info"]:
        yield from below(tree["tree_structure"])


@pytest.mark.parametrize("seed", range(3))
def test_walked_trees_equal_the_librarys_own_predictions(seed: int) -> None:
    trained, rows = booster(seed)
    expected = trained.predict(rows, raw_score=True)
    assert expected.std() > 0.1
    found = ranker_of(trained).raw(np.ascontiguousarray(rows.T))
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)


def test_rows_on_a_threshold_go_where_the_library_sends_them() -> None:
    trained, _ = booster(0)
    ranker = ranker_of(trained)
    limits = np.array(list(thresholds(trained)))
    near = limits.astype(np.float32)
    rows = np.zeros((3 * len(near), len(FEATURES)), np.float32)
    beside = (np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf)))
    rows[np.arange(len(rows)), np.tile(ranker.trees.features, 3)] = np.concatenate(beside)
    expected = trained.predict(rows, raw_score=True)
    np.testing.assert_allclose(ranker.raw(np.ascontiguousarray(rows.T)), expected, atol=1e-6, rtol=0)


def test_a_saved_tree_walks_as_the_one_that_was_learned(tmp_path: Path) -> None:
    trained, rows = booster(1)
    ranker = ranker_of(trained)
    ranker.save(tmp_path)
    found = Ranker.load(tmp_path, FEATURES).raw(np.ascontiguousarray(rows.T))
    np.testing.assert_array_equal(found, ranker.raw(np.ascontiguousarray(rows.T)))


def test_trees_that_found_nothing_to_split_say_one_number_for_all(tmp_path: Path) -> None:
    rows = np.ones((100, len(FEATURES)), np.float32)
    data = lightgbm.Dataset(rows, np.arange(100) % 2, params={"verbose": -1})
    ranker = ranker_of(lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3))
    ranker.save(tmp_path)
    found = Ranker.load(tmp_path, FEATURES).raw(np.ascontiguousarray(rows.T))
    assert len(set(found.tolist())) == 1


def test_no_candidates_have_no_scores() -> None:
    ranker = ranker_of(booster(0)[0])
    assert ranker.raw(np.empty((len(FEATURES), 0), np.float32)).shape == (0,)
    assert ranker.score(np.empty((len(FEATURES), 0), np.float32)).shape == (0,)
