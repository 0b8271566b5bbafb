"""Intervals: known limits, the right width, the same for a seed, and pairing that narrows them."""

import numpy as np
import pytest

from recsys.errors import InputError
from recsys.metrics import Interval, bootstrap_interval, paired_difference


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert bootstrap_interval(np.full(50, 0.25), seed=1) == Interval(0.25, 0.25, 0.25, 50)


def test_the_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(2).normal(3.0, 2.0, 2_000)
    interval = bootstrap_interval(values, seed=3, samples=2_000)
    half = 1.96 * values.std() / np.sqrt(2_000)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=half / 8)
    assert interval.high == pytest.approx(values.mean() + half, abs=half / 8)


def test_a_higher_level_gives_a_wider_interval() -> None:
    values = np.random.default_rng(4).random(300)
    narrow, wide = (bootstrap_interval(values, seed=5, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_seed_decides_the_interval() -> None:
    values = np.random.default_rng(6).random(100)
    assert bootstrap_interval(values, seed=7) == bootstrap_interval(values, seed=7)
    assert bootstrap_interval(values, seed=7) != bootstrap_interval(values, seed=8)


def test_shoppers_without_a_value_do_not_count() -> None:
    values = np.array([1.0, np.nan, 0.0, 1.0, np.nan])
    assert bootstrap_interval(values, seed=9) == bootstrap_interval(values[[0, 2, 3]], seed=9)
    assert bootstrap_interval(values, seed=9).count == 3


@pytest.mark.parametrize("values", [np.empty(0), np.full(3, np.nan)])
def test_nobody_gives_no_interval(values: np.ndarray) -> None:
    interval = bootstrap_interval(values, seed=1)
    assert interval.count == 0
    assert np.isnan([interval.mean, interval.low, interval.high]).all()
    assert not interval.excludes_zero


def test_many_shoppers_are_drawn_in_blocks_of_bounded_memory() -> None:
    values = np.arange(1_500_000) % 2.0
    interval = bootstrap_interval(values, seed=1, samples=7)
    assert interval.count == 1_500_000
    assert 0.498 < interval.low < interval.high < 0.502


def test_pairing_finds_a_small_difference_that_separate_intervals_hide() -> None:
    generator = np.random.default_rng(10)
    champion = generator.random(400)
    challenger = champion + generator.normal(0.01, 0.02, 400)
    difference = paired_difference(challenger, champion, seed=11)
    assert difference.mean == pytest.approx((challenger - champion).mean())
    assert difference.excludes_zero
    assert 0.005 < difference.low < difference.high < 0.015
    before, after = (bootstrap_interval(values, seed=11) for values in (champion, challenger))
    assert after.low < before.high


def test_the_sign_says_who_is_better_and_a_tie_includes_zero() -> None:
    values = np.random.default_rng(12).random(50)
    assert paired_difference(values - 0.1, values, seed=1).high < 0.0
    assert not paired_difference(values, values, seed=1).excludes_zero


def test_a_shopper_missing_on_either_side_does_not_count() -> None:
    difference = paired_difference(np.array([1.0, np.nan, 2.0]), np.array([0.0, 1.0, np.nan]), seed=1)
    assert (difference.mean, difference.count) == (1.0, 1)


def test_values_of_different_shoppers_cannot_be_paired() -> None:
    with pytest.raises(InputError, match="not of the same shoppers"):
        paired_difference(np.ones(3), np.ones(4), seed=1)


@pytest.mark.parametrize(("level", "samples"), [(0.0, 10), (1.0, 10), (95, 10), (0.95, 0)])
def test_a_level_or_sample_count_that_makes_no_sense_is_refused(level: float, samples: int) -> None:
    with pytest.raises(InputError, match="level"):
        bootstrap_interval(np.ones(3), seed=1, samples=samples, level=level)
