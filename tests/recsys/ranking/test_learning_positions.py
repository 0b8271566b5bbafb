"""Seen lists teach what shoppers want, not where things stood."""

import numpy as np
import pytest

from recsys.ranking.features import FEATURES
from recsys.ranking.learning import Example, learn
from recsys.ranking.ranker import RankerConfig

WANTED, MISLED = FEATURES.index("price_gap"), FEATURES.index("item_conversion")
CONFIG = RankerConfig(trees=40, least_rows_in_leaf=20)


def seen_lists(count: int, seed: int) -> list[Example]:
    """The old order put large `item_conversion` first; clicks ask for `price_gap`, and for places near the top."""
    dice = np.random.default_rng(seed)
    found = []
    for number in range(count):
        matrix = np.zeros((len(FEATURES), 20), np.float32)
        matrix[WANTED], matrix[MISLED] = dice.normal(size=(2, 20))
        matrix = matrix[:, np.argsort(-matrix[MISLED] - dice.normal(size=20))]
        positions = np.arange(1, 21, dtype=np.float32)
        looked = dice.random(20) < 1 / positions**0.7
        grades = (looked & (dice.random(20) < 1 / (1 + np.exp(-2 * matrix[WANTED])))).astype(np.int8)
        if grades.any():
            rule = matrix[0]
            found.append(Example(number % 200, matrix, grades, rule, 1.0, positions=positions))
    return found


def without_positions(examples: list[Example]) -> list[Example]:
    return [Example(e.user, e.matrix, e.grades, e.rule, e.wanted) for e in examples]


def slopes(examples: list[Example]) -> tuple[float, float]:
    """How far the score rises with what is wanted, and with what merely stood on top."""
    ranker = learn(examples, CONFIG, 0).ranker
    matrix = np.zeros((len(FEATURES), 2_000), np.float32)
    matrix[[WANTED, MISLED]] = np.random.default_rng(1).normal(size=(2, 2_000))
    raw = ranker.raw(matrix)
    return tuple(float(np.corrcoef(raw, matrix[row])[0, 1]) for row in (WANTED, MISLED))  # type: ignore[return-value]


def test_position_explains_the_place_so_that_taste_need_not() -> None:
    examples = seen_lists(1_500, 2)
    wanted, misled = slopes(examples)
    _, fooled = slopes(without_positions(examples))
    assert wanted > 0.8
    assert fooled > 0.4
    assert abs(misled) < fooled / 2


def test_serving_needs_no_position() -> None:
    lesson = learn(seen_lists(300, 3), CONFIG, 0)
    assert int(lesson.ranker.trees.features.max()) < len(FEATURES)
    assert set(lesson.importance) == set(FEATURES)
    assert sum(lesson.importance.values()) == pytest.approx(1.0)
    assert lesson.shap.shape == lesson.sample.shape == (len(lesson.sample), len(FEATURES))


def test_seen_lists_beside_questions_teach_and_questions_alone_measure() -> None:
    questions = without_positions(seen_lists(300, 4))
    both = learn([*seen_lists(300, 5), *questions], CONFIG, 0)
    alone = learn(questions, CONFIG, 0)
    assert both.questions == len(seen_lists(300, 5)) + len(questions)
    assert both.ndcg_rule == alone.ndcg_rule
    assert both.ndcg != alone.ndcg
    assert len(both.sample) == len(alone.sample)


def test_a_weight_says_what_a_seen_list_counts() -> None:
    questions = without_positions(seen_lists(200, 6))
    seen = seen_lists(200, 7)
    light, heavy = (
        learn(
            [
                *(Example(e.user, e.matrix, e.grades, e.rule, e.wanted, e.positions, weight) for e in seen),
                *questions,
            ],
            CONFIG,
            0,
        )
        for weight in (0.01, 10.0)
    )
    assert light.ranker.trees.leaves.tolist() != heavy.ranker.trees.leaves.tolist()
