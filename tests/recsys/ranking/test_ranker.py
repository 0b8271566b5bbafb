"""Grades follow the goal, probabilities keep the order, and another code's ranker is refused."""

from pathlib import Path

import numpy as np
import pytest

from recsys.errors import ReleaseIncompatible
from recsys.labels import LATER, NEXT
from recsys.ranking.ranker import GAINS, Goal, Ranker, RankerConfig, Trees
from recsys.types import EVENT_CODES, EventType

NAMES = ("first", "second")
VIEW, CART, BUY = (EVENT_CODES[kind] for kind in (EventType.VIEW, EventType.CART, EventType.PURCHASE))


def stump(threshold: float = 0.5) -> Trees:
    """One tree: 1 where the first feature is above the threshold, else -1."""
    return Trees(
        roots=np.array([0], np.int32),
        features=np.array([0], np.int16),
        thresholds=np.array([threshold], np.float32),
        children=np.array([[~0, ~1]], np.int32),
        leaves=np.array([-1.0, 1.0]),
    )


def graded(goal: Goal, moments: list[int], kinds: list[int], places: list[int]) -> list[int]:
    config = RankerConfig(goal=goal)
    found = config.graded(np.array(places), np.array(moments, np.int8), np.array(kinds, np.int8))
    assert found.dtype == np.int8
    return found.tolist()


def test_a_goal_of_purchases_grades_them_above_carts_and_carts_above_views() -> None:
    view, cart, buy = graded("purchase", [NEXT] * 3, [VIEW, CART, BUY], [0, 1, 2])
    assert buy > cart > view > 0
    later = graded("purchase", [LATER], [BUY], [0])[0]
    assert later > view


def test_a_goal_of_clicks_grades_by_the_moment_alone() -> None:
    assert graded("click", [NEXT, LATER, NEXT], [VIEW, BUY, CART], [0, 1, 2]) == [NEXT, LATER, NEXT]


def test_a_goal_of_carts_grades_carts_and_purchases_alike() -> None:
    view, cart, buy = graded("cart", [NEXT] * 3, [VIEW, CART, BUY], [0, 1, 2])
    assert buy == cart > view


def test_a_goal_of_margins_grades_purchases_by_what_they_earn_and_other_touches_alike() -> None:
    config, thirds = RankerConfig(goal="margin"), np.array([0, 1, 2, 2], np.int8)
    moments, kinds = np.full(4, NEXT, np.int8), np.array([BUY, BUY, BUY, VIEW], np.int8)
    little, some, much, seen = config.graded(np.arange(4), moments, kinds, thirds).tolist()
    assert seen < little < some < much < len(GAINS)


def test_candidates_that_nobody_wanted_have_grade_zero() -> None:
    assert graded("purchase", [NEXT], [BUY], [-1, 0, -1])[::2] == [0, 0]
    assert graded("purchase", [], [], [-1, -1]) == [0, 0]


@pytest.mark.parametrize("goal", ["click", "cart", "purchase", "margin"])
def test_every_grade_has_a_gain_and_more_is_worth_more(goal: Goal) -> None:
    grades = graded(goal, [LATER, NEXT] * 3, [VIEW, VIEW, CART, CART, BUY, BUY], [0, 1, 2, 3, 4, 5])
    assert max(grades) < len(GAINS)
    assert list(GAINS) == sorted(set(GAINS))


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.2, -4.0), (1.5, -2.0)])
def test_the_probability_curve_keeps_the_order_of_the_trees(slope: float, offset: float) -> None:
    trees = [stump(threshold) for threshold in np.linspace(0, 1, 9)]
    forest = Trees(
        roots=np.arange(9, dtype=np.int32),
        features=np.zeros(9, np.int16),
        thresholds=np.concatenate([tree.thresholds for tree in trees]),
        children=np.array([[~(2 * n), ~(2 * n + 1)] for n in range(9)], np.int32),
        leaves=np.tile([-1.0, 1.0], 9),
    )
    ranker = Ranker(forest, NAMES, slope, offset)
    matrix = np.vstack((np.linspace(-0.2, 1.2, 40), np.zeros(40))).astype(np.float32)
    raw, chances = ranker.raw(matrix), ranker.score(matrix)
    assert len(np.unique(raw)) == 10
    assert ((chances > 0) & (chances < 1)).all()
    assert (np.diff(chances) >= 0).all()
    assert (np.sign(np.diff(chances)) == np.sign(np.diff(raw))).all()
    np.testing.assert_allclose(chances, 1 / (1 + np.exp(-slope * raw - offset)), rtol=1e-5)


def test_a_ranker_comes_back_from_a_folder_as_it_was(tmp_path: Path) -> None:
    matrix = np.array([[0.4, 0.6], [0, 0]], np.float32)
    ranker = Ranker(stump(), NAMES, 0.7, -1.5)
    ranker.save(tmp_path)
    loaded = Ranker.load(tmp_path, NAMES)
    np.testing.assert_array_equal(loaded.score(matrix), ranker.score(matrix))
    assert (loaded.slope, loaded.offset) == (0.7, -1.5)


@pytest.mark.parametrize("other", [("first",), ("second", "first"), ("first", "second", "third")])
def test_a_ranker_that_reads_other_features_is_refused_by_name(
    tmp_path: Path, other: tuple[str, ...]
) -> None:
    folder = tmp_path / "0123456789abcdef" / "ranker"
    Ranker(stump(), NAMES, 1.0, 0.0).save(folder)
    with pytest.raises(ReleaseIncompatible, match=r"'0123456789abcdef'.*other features.*recsys train"):
        Ranker.load(folder, other)
