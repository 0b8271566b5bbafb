"""Compiled orders and look-ups equal what numpy says of the same numbers, ties and what is no number included."""

import numpy as np
import pytest

from recsys.ranking.order import Ranking, union
from recsys.ranking.order_kernel import columns_of

AWKWARD = np.array([0.0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, np.inf, -np.inf, np.nan, 0.5, 0.5], np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_a_ranking_is_by_falling_score_and_then_by_code(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(1_000):
        count = int(generator.integers(0, 250))
        codes = np.sort(generator.choice(10_000, count, replace=False)).astype(np.int32)
        scores = generator.normal(size=count).astype(np.float32)
        some = generator.random(count) < generator.choice((0, 0.3, 1))
        scores[some] = generator.choice(AWKWARD, int(some.sum()))
        order = np.lexsort((codes, -scores))
        found = Ranking(codes, scores).sorted()
        np.testing.assert_array_equal(found.codes, codes[order])
        np.testing.assert_array_equal(found.scores, scores[order])
        np.testing.assert_array_equal(found.rows, order)


def test_a_union_is_distinct_and_ascending() -> None:
    assert union([]).tolist() == []
    found = union([np.array([5, 1], np.int32), np.array([], np.int32), np.array([1, 9, 5], np.int32)])
    assert (found.tolist(), found.dtype) == ([1, 5, 9], np.int32)
    generator = np.random.default_rng(0)
    for _ in range(500):
        parts = [generator.integers(0, 300, generator.integers(0, 80)).astype(np.int32) for _ in range(5)]
        np.testing.assert_array_equal(union(parts), np.unique(np.concatenate(parts)))
        assert all(part.flags.owndata for part in parts)


def test_columns_come_in_the_order_they_are_asked_for() -> None:
    generator = np.random.default_rng(1)
    for _ in range(200):
        matrix = generator.random((int(generator.integers(1, 50)), 30)).astype(np.float32)
        rows = generator.integers(-1, 30, int(generator.integers(0, 40)))
        expected = np.where(rows >= 0, matrix[:, rows], np.float32(0))
        np.testing.assert_array_equal(columns_of(matrix, rows), expected)
