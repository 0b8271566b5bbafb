"""LambdaRank finds the order that was planted, measures it on shoppers it never saw, and does so every time."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.ranking.features import FEATURES
from recsys.ranking.learning import Example, Lesson, _split, learn
from recsys.ranking.ranker import RankerConfig

CONFIG = RankerConfig(trees=40, leaves=8, learning_rate=0.2, least_rows_in_leaf=5)
SAYS, NOISE = FEATURES.index("price_gap"), FEATURES.index("top_share")
ROWS = 30


def example(user: int, generator: np.random.Generator, wanted: int = 2) -> Example:
    """Random features; wanted are the candidates with the most of one of them, and the rule knows nothing."""
    matrix = np.zeros((len(FEATURES), ROWS), np.float32)
    matrix[[SAYS, NOISE]] = generator.random((2, ROWS))
    grades = np.zeros(ROWS, np.int8)
    grades[np.argsort(-matrix[SAYS])[:wanted]] = 2
    ideal = float((1 / np.log2(np.arange(2, wanted + 2))).sum())
    return Example(user, matrix, grades, generator.random(ROWS).astype(np.float32), ideal)


def examples(users: int = 80, each: int = 3, seed: int = 0) -> list[Example]:
    generator = np.random.default_rng(seed)
    return [example(user, generator) for user in range(users) for _ in range(each)]


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return learn(examples(), CONFIG, seed=1)


def test_the_planted_feature_is_found_and_puts_what_is_wanted_first(lesson: Lesson) -> None:
    assert lesson.importance["price_gap"] > 0.9
    assert sum(lesson.importance.values()) == pytest.approx(1)
    fresh = examples(users=50, seed=99)
    first = [e.grades[np.argmax(lesson.ranker.score(e.matrix))] for e in fresh]
    assert np.mean(np.array(first) > 0) > 0.6  # chance finds one in fifteen


def test_figures_tell_the_order_from_the_rule(lesson: Lesson) -> None:
    assert lesson.questions == 240
    assert lesson.ndcg > 0.8 > 0.6 > lesson.ndcg_rule > 0.05


def test_scores_are_about_the_share_of_candidates_that_were_wanted(lesson: Lesson) -> None:
    chances = np.concatenate([lesson.ranker.score(e.matrix) for e in examples(seed=5)])
    assert chances.mean() == pytest.approx(2 / ROWS, rel=0.3)
    assert chances.max() > 0.5 > 0.01 > chances.min()


def test_contributions_of_the_features_add_up_to_the_raw_score(lesson: Lesson) -> None:
    assert lesson.shap.shape == lesson.sample.shape == (len(lesson.sample), len(FEATURES))
    raw = lesson.ranker.raw(np.ascontiguousarray(lesson.sample.T))
    rest = raw - lesson.shap.sum(axis=1)
    assert rest == pytest.approx(rest[0], abs=1e-5)  # what is left is the expected value


def test_one_seed_learns_the_same_trees_twice(lesson: Lesson) -> None:
    again, other = learn(examples(), CONFIG, seed=1), learn(examples(), CONFIG, seed=2)
    for name in ("roots", "features", "thresholds", "children", "leaves"):
        np.testing.assert_array_equal(getattr(again.ranker.trees, name), getattr(lesson.ranker.trees, name))
    assert (again.ndcg, again.ranker.slope) == (lesson.ndcg, lesson.ranker.slope)
    assert other.ndcg != lesson.ndcg


@pytest.mark.parametrize("users", [2, 3, 40])
def test_who_measures_never_teaches_and_both_sides_have_someone(users: int) -> None:
    for seed in range(20):
        train, test = _split(examples(users, each=2), seed)
        assert train and test
        assert not {e.user for e in train} & {e.user for e in test}
        assert len(train) + len(test) == 2 * users


def test_questions_of_one_shopper_leave_the_measuring_to_all_examples() -> None:
    """Lists that many have seen, and one shopper who asks: nobody else could be held out."""
    places = np.arange(1, ROWS + 1, dtype=np.float32)
    seen = [replace(each, positions=places) for each in examples(users=30)]
    both = [*seen, *(replace(each, user=99) for each in examples(users=1))]
    for seed in range(5):
        train, test = _split(both, seed)
        assert train and test
        assert not {e.user for e in train} & {e.user for e in test}
        assert any(each.positions is not None for each in test)
    assert 0 < learn(both, CONFIG, seed=1).ndcg <= 1


def test_what_recall_misses_is_counted() -> None:
    """A question whose wanted items were mostly no candidates cannot reach the figure of one that was answered."""
    short = [Example(e.user, e.matrix, e.grades, e.rule, 3 * e.wanted) for e in examples()]
    assert learn(short, CONFIG, seed=1).ndcg == pytest.approx(learn(examples(), CONFIG, seed=1).ndcg / 3)


def test_candidates_that_all_look_alike_teach_an_order_of_nothing() -> None:
    plain = [Example(e.user, np.zeros_like(e.matrix), e.grades, e.rule, e.wanted) for e in examples(users=20)]
    lesson = learn(plain, CONFIG, seed=1)
    assert len(set(lesson.ranker.score(plain[0].matrix).tolist())) == 1
