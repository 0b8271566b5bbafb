"""Coverage, concentration, novelty and variety against answers worked out by hand."""

import numpy as np
import pytest

from recsys.metrics import (
    category_diversity,
    coverage,
    exposure,
    gini,
    mean_percentile,
    novelty,
    percentiles,
    personalisation,
)

LISTS = np.array([[0, 1, 2], [0, 1, -1], [0, -1, -1]], dtype=np.int32)
NO_LISTS = np.full((2, 3), -1, dtype=np.int32)


def test_exposure_counts_the_lists_that_show_each_eligible_item() -> None:
    eligible = np.array([True, False, True, True])
    assert exposure(LISTS, eligible).tolist() == [3, 1, 0]


def test_coverage_is_the_share_of_eligible_items_shown_anywhere() -> None:
    assert coverage(LISTS, np.ones(12, dtype=bool)) == 3 / 12
    assert coverage(LISTS, np.array([True, False, True, True])) == 2 / 3
    assert coverage(NO_LISTS, np.ones(4, dtype=bool)) == 0.0
    assert np.isnan(coverage(LISTS, np.zeros(4, dtype=bool)))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([5, 5, 5, 5], 0.0),
        ([0, 0, 0, 8], 3 / 4),
        ([3, 1], 1 / 4),
        ([1, 3], 1 / 4),
        ([1, 2, 3, 4], 1 / 4),
        ([7], 0.0),
    ],
)
def test_gini_of_known_counts(counts: list[int], expected: float) -> None:
    assert gini(np.array(counts)) == pytest.approx(expected, abs=1e-12)


def test_gini_is_half_the_relative_mean_difference() -> None:
    counts = np.random.default_rng(1).integers(0, 50, 200)
    differences = np.abs(counts[:, None] - counts[None, :]).mean()
    assert gini(counts) == pytest.approx(differences / (2 * counts.mean()))


def test_gini_of_nothing_is_nan() -> None:
    assert np.isnan(gini(np.zeros(4)))
    assert np.isnan(gini(np.empty(0)))


def test_novelty_is_the_mean_self_information_of_each_list_first() -> None:
    # Of 64 shoppers all know item 0 (0 bits), 16 know item 1 (2 bits), nobody item 2 (as one: 6 bits).
    touched = np.array([64, 16, 0])
    assert novelty(LISTS, touched, 64) == pytest.approx(np.mean([8 / 3, 2 / 2, 0 / 1]))


def test_novelty_of_empty_lists_is_nan() -> None:
    assert np.isnan(novelty(NO_LISTS, np.array([1, 2]), 64))


def test_diversity_is_the_share_of_pairs_from_different_categories() -> None:
    category = np.array([0, 0, 1, 2, -1], dtype=np.int32)
    one = np.array([[0, 1, 2, 3]], dtype=np.int32)
    assert category_diversity(one, category) == 5 / 6
    two = np.array([[0, 1, -1, -1], [0, 2, 4, -1]], dtype=np.int32)
    assert category_diversity(two, category) == (0.0 + 1.0) / 2


def test_lists_with_fewer_than_two_categorised_items_do_not_count_for_diversity() -> None:
    category = np.array([3, -1, 3], dtype=np.int32)
    lists = np.array([[0, 1, -1], [1, -1, -1], [0, 2, -1]], dtype=np.int32)
    assert category_diversity(lists, category) == 0.0
    assert np.isnan(category_diversity(lists[:2], category))


def test_percentiles_rank_items_by_popularity_and_share_ties() -> None:
    assert percentiles(np.array([9, 0, 3, 0])).tolist() == [7 / 8, 2 / 8, 5 / 8, 2 / 8]
    assert percentiles(np.empty(0)).tolist() == []


def test_the_mean_percentile_averages_each_list_first() -> None:
    places = np.array([0.9, 0.5, 0.1])
    assert mean_percentile(LISTS, places) == pytest.approx((0.5 + 0.7 + 0.9) / 3)
    assert mean_percentile(np.array([[0, 7]], np.int32), places) == 0.9
    assert np.isnan(mean_percentile(NO_LISTS, places))


def test_personalisation_is_the_mean_share_that_two_lists_do_not_share() -> None:
    alike, apart = np.array([[0, 1], [1, 0]]), np.array([[0, 1], [2, 3], [4, 5]])
    assert personalisation(alike, seed=1) == 0.0
    assert personalisation(apart, seed=1) == 1.0
    half = np.array([[0, 1], [1, 2]])
    assert personalisation(half, seed=1) == 0.5


def test_personalisation_of_three_lists_nears_the_mean_over_all_pairs() -> None:
    lists = np.array([[0, 1, 2, 3], [0, 1, 2, 9], [0, 7, 8, 9]], np.int32)
    assert personalisation(lists, seed=2) == pytest.approx(1 - (3 + 1 + 2) / 12, abs=0.02)


def test_padding_is_nothing_in_common_and_one_list_has_no_other() -> None:
    assert personalisation(np.array([[0, -1, -1], [1, -1, -1]]), seed=1) == 1.0
    assert personalisation(np.array([[0, 1], [0, -1]]), seed=1) == 0.5
    assert np.isnan(personalisation(LISTS[:1], seed=1))
    assert np.isnan(personalisation(NO_LISTS, seed=1))
