"""Intervals: known limits, the right width, the same for a seed, and pairing that narrows them."""

import numpy as np
import pytest

from recsys.errors import InputError
from recsys.metrics import Interval, adjusted, bootstrap_interval, paired_difference


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


def test_few_distinct_values_are_resampled_as_many_distinct_ones_are() -> None:
    """A hair of noise makes every value distinct and sends the draws the other way: same mean, same width."""
    generator = np.random.default_rng(13)
    values = (generator.random(4_000) < 0.2).astype(np.float64)
    quick = bootstrap_interval(values, seed=1, samples=3_000)
    plain = bootstrap_interval(values + generator.normal(0, 1e-9, 4_000), seed=1, samples=3_000)
    assert quick.low == pytest.approx(plain.low, abs=0.0012)
    assert quick.high == pytest.approx(plain.high, abs=0.0012)


def test_the_p_value_is_that_of_the_normal_test() -> None:
    generator = np.random.default_rng(14)
    change = generator.normal(0.0, 1.0, 1_500)
    change += 2.0 * change.std() / np.sqrt(1_500) - change.mean()
    difference = paired_difference(change, np.zeros(1_500), seed=2, samples=20_000)
    assert difference.p_value == pytest.approx(0.0455, abs=0.005)


def test_no_change_has_a_p_value_of_one_and_a_sure_change_the_smallest_there_is() -> None:
    values = np.random.default_rng(15).random(300)
    assert paired_difference(values, values, seed=1).p_value == 1.0
    assert paired_difference(values + 1, values, seed=1, samples=199).p_value == 2 / 200
    assert np.isnan(paired_difference(np.empty(0), np.empty(0), seed=1).p_value)


def test_a_p_value_and_the_interval_tell_the_same_story() -> None:
    generator = np.random.default_rng(16)
    for shift in np.linspace(-0.2, 0.2, 21):
        change = generator.normal(shift, 1.0, 200)
        difference = paired_difference(change, np.zeros(200), seed=3, samples=2_000)
        if abs(difference.p_value - 0.05) > 0.003:
            assert difference.excludes_zero == (difference.p_value < 0.05)


def test_holm_multiplies_the_smallest_by_the_number_of_comparisons_and_never_reorders() -> None:
    assert adjusted(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted(np.array([0.5, 0.6])).tolist() == [1.0, 1.0]
    assert adjusted(np.empty(0)).tolist() == []


def test_what_was_not_compared_costs_the_others_nothing() -> None:
    found = adjusted(np.array([0.01, np.nan, 0.02]))
    assert found[[0, 2]].tolist() == pytest.approx([0.02, 0.02])
    assert np.isnan(found[1])


def test_among_many_comparisons_of_nothing_hardly_one_is_called_real() -> None:
    p_values = np.random.default_rng(17).random((2_000, 25))
    alarms = np.array([np.nanmin(adjusted(row)) < 0.05 for row in p_values])
    assert (p_values.min(axis=1) < 0.05).mean() > 0.6
    assert alarms.mean() < 0.065
