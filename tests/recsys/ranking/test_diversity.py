"""Diversity trades score for difference, and not at all at 0."""

import numpy as np

from recsys.ranking.diversity import diversify

VECTORS = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
SCORES = np.array([1.0, 0.9, 0.5, 0.2], np.float32)


def test_zero_diversity_keeps_the_order() -> None:
    assert diversify(SCORES, VECTORS, 3, 0.0).tolist() == [0, 1, 2, 3]


def test_a_different_item_overtakes_a_better_copy() -> None:
    assert diversify(SCORES, VECTORS, 2, 0.6).tolist() == [0, 2, 1, 3]


def test_the_best_item_stays_first_whatever_the_dial() -> None:
    for dial in (0.1, 0.5, 0.9):
        assert diversify(SCORES, VECTORS, 4, dial)[0] == 0


def test_nothing_is_lost_or_doubled() -> None:
    generator = np.random.default_rng(5)
    scores = np.sort(generator.random(50).astype(np.float32))[::-1]
    vectors = generator.normal(size=(50, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert sorted(diversify(scores, vectors, 10, 0.7).tolist()) == list(range(50))


def test_one_candidate_and_none_need_no_choice() -> None:
    assert diversify(SCORES[:1], VECTORS[:1], 5, 1.0).tolist() == [0]
    assert diversify(SCORES[:0], VECTORS[:0], 5, 1.0).tolist() == []
