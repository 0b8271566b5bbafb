"""Walking arrays gives LightGBM's own predictions: what is served is what was learned."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from recsys.ranking.learning import _trees
from recsys.ranking.ranker import Ranker, Trees
from recsys.ranking.trees import MOST_LEAVES

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


def grown(generator: np.random.Generator, sizes: list[int]) -> Trees:
    """Random trees of so many leaves each, of any shape; a tree of one leaf has no split."""
    children: list[list[int]] = []
    leaves = 0

    def grow(size: int) -> int:
        nonlocal leaves
        if size == 1:
            leaves += 1
            return ~(leaves - 1)
        place, left = len(children), int(generator.integers(1, size))
        children.append([])
        children[place] = [grow(left), grow(size - left)]
        return place

    roots = [grow(size) for size in sizes]
    splits = len(children)
    return Trees(
        np.array(roots, np.int32),
        generator.integers(0, len(FEATURES), splits).astype(np.int16),
        generator.choice((-1.0, 0.0, 0.25, 0.5, 3.0), splits).astype(np.float32),
        np.array(children, np.int32).reshape(-1, 2),
        generator.normal(size=leaves),
    )


def walked(trees: Trees, matrix: np.ndarray) -> list[float]:
    """The sum of each column, one node after the other."""
    sums = []
    for row in matrix.T:
        total = 0.0
        for root in trees.roots.tolist():
            node = root
            while node >= 0:
                node = int(trees.children[node, int(row[trees.features[node]] > trees.thresholds[node])])
            total += trees.leaves[~node]
        sums.append(total)
    return sums


@pytest.mark.parametrize("rows", [1, 32, 33, 150])
@pytest.mark.parametrize("most", [2, 15, 16, 17, 32, 33, MOST_LEAVES])
@pytest.mark.parametrize("seed", range(5))
def test_sums_over_sets_of_leaves_equal_a_walk_from_the_root(seed: int, most: int, rows: int) -> None:
    generator = np.random.default_rng((seed, most, rows))
    sizes = [*generator.integers(1, most + 1, 6).tolist(), 1, 2, most]
    ranker = Ranker(grown(generator, sizes), FEATURES, 0.7, -1.0)
    matrix = generator.choice((-2.0, -1.0, 0.0, 0.25, 0.4, 0.5, 9.0), (len(FEATURES), rows)).astype(
        np.float32
    )
    expected = np.array(walked(ranker.trees, matrix))
    np.testing.assert_array_equal(ranker.raw(matrix), expected)
    chances = (1 / (1 + np.exp(-np.clip(0.7 * expected - 1.0, -60, 15)))).astype(np.float32)
    np.testing.assert_allclose(ranker.score(matrix), chances, rtol=1e-6)


def test_a_tree_with_more_leaves_than_bits_is_refused() -> None:
    ranker = Ranker(grown(np.random.default_rng(0), [3, MOST_LEAVES + 1]), FEATURES, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"tree 1 .* more than 64 leaves"):
        ranker.raw(np.zeros((len(FEATURES), 1), np.float32))
