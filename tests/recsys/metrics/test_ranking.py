"""Ranking metrics against answers worked out by hand, and against a plain reading of their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import InputError
from recsys.metrics import (
    Truth,
    average_precision,
    hit_rate,
    mrr,
    ndcg,
    per_user_mean,
    recall,
    weighted_ndcg,
)

METRICS = {"recall": recall, "hit_rate": hit_rate, "mrr": mrr, "ap": average_precision, "ndcg": ndcg}
LOG2_3, LOG2_5 = math.log2(3), math.log2(5)


def ranked(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int32)


@pytest.mark.parametrize(
    ("metric", "k", "expected"),
    [
        # Places 2 and 4 of the list are hits; four items are relevant.
        (recall, 4, 2 / 4),
        (recall, 3, 1 / 4),
        (recall, 1, 0.0),
        (hit_rate, 4, 1.0),
        (hit_rate, 1, 0.0),
        (mrr, 4, 1 / 2),
        (mrr, 1, 0.0),
        (average_precision, 4, (1 / 2 + 2 / 4) / 4),
        (average_precision, 2, (1 / 2) / 2),
        (ndcg, 4, (1 / LOG2_3 + 1 / LOG2_5) / (1 + 1 / LOG2_3 + 1 / 2 + 1 / LOG2_5)),
        (ndcg, 2, (1 / LOG2_3) / (1 + 1 / LOG2_3)),
        (ndcg, 1, 0.0),
    ],
)
def test_a_list_with_hits_at_two_and_four_scores_as_by_hand(metric, k: int, expected: float) -> None:
    value = metric(ranked([10, 1, 11, 2]), Truth.of([[1, 2, 3, 4]]), k)
    np.testing.assert_allclose(value, [expected], rtol=1e-12)


@pytest.mark.parametrize("metric", [hit_rate, mrr, average_precision, ndcg])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_perfect_list_scores_one_at_any_cut(metric, k: int) -> None:
    np.testing.assert_allclose(metric(ranked([7, 5, 3, 9, 8]), Truth.of([[3, 5, 7]]), k), [1.0])


def test_recall_divides_by_all_relevant_items_even_when_the_cut_cannot_reach_them() -> None:
    assert recall(ranked([1, 2]), Truth.of([range(1, 11)]), 2).tolist() == [0.2]


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_query_without_truth_is_nan_and_others_are_not(metric) -> None:
    values = metric(ranked([1, 2], [1, 2], [1, 2]), Truth.of([[], [9], [1]]), 2)
    assert np.isnan(values).tolist() == [True, False, False]
    assert values[1] == 0.0


@pytest.mark.parametrize("metric", METRICS.values())
def test_padding_is_never_a_hit_even_when_unknown_items_are_relevant(metric) -> None:
    assert metric(ranked([-1, -1], [5, -1]), Truth.of([[-1], [-1, 6]]), 2).tolist() == [0.0, 0.0]


def test_items_unknown_to_the_release_stay_in_the_truth_one_by_one() -> None:
    truth = Truth.of([[-1, 4, -1, 4, -1]])
    assert truth.sizes.tolist() == [4]
    assert recall(ranked([4, 5]), truth, 2).tolist() == [0.25]
    np.testing.assert_allclose(ndcg(ranked([4, 5]), truth, 2), [1 / (1 + 1 / LOG2_3)])


@pytest.mark.parametrize("name", METRICS)
def test_an_item_listed_twice_counts_at_its_first_place_only(name: str) -> None:
    metric, truth = METRICS[name], Truth.of([[1, 2]])
    assert metric(ranked([1, 1, 1]), truth, 3) == metric(ranked([1, 8, 9]), truth, 3)


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_list_shorter_than_the_cut_is_scored_as_if_padded(metric) -> None:
    truth = Truth.of([[2, 3]])
    assert metric(ranked([1, 2]), truth, 10) == metric(ranked([1, 2] + [-1] * 8), truth, 10)
    assert metric(np.empty((1, 0), dtype=np.int32), truth, 10).tolist() == [0.0]


@pytest.mark.parametrize("metric", METRICS.values())
def test_one_query_does_not_see_the_truth_of_another(metric) -> None:
    """Codes at both ends of the range, where the keys of neighbouring rows meet."""
    lists = ranked([0, 9], [9, 0], [-1, 0])
    values = metric(lists, Truth.of([[9], [0], [9]]), 1)
    assert values.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("metric", METRICS.values())
def test_no_queries_give_no_values(metric) -> None:
    assert metric(np.empty((0, 5), dtype=np.int32), Truth.of([]), 5).shape == (0,)


@pytest.mark.parametrize("metric", METRICS.values())
def test_lists_and_truth_of_different_length_or_a_zero_cut_are_refused(metric) -> None:
    with pytest.raises(InputError, match="ranked has shape"):
        metric(ranked([1, 2]), Truth.of([[1], [2]]), 2)
    with pytest.raises(InputError, match="k is 0"):
        metric(ranked([1, 2]), Truth.of([[1]]), 0)


def plain(name: str, row: list[int], relevant: set[int], k: int) -> float:
    """The definitions as loops over one list without repeats."""
    hits = [rank for rank, item in enumerate(row[:k], start=1) if item in relevant]
    if name == "recall":
        return len(hits) / len(relevant)
    if name == "hit_rate":
        return float(bool(hits))
    if name == "mrr":
        return 1 / hits[0] if hits else 0.0
    if name == "ap":
        return sum((n + 1) / rank for n, rank in enumerate(hits)) / min(k, len(relevant))
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return sum(1 / math.log2(rank + 1) for rank in hits) / ideal


@given(data=st.data(), k=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", METRICS)
def test_many_queries_at_once_agree_with_the_definition_of_each(
    name: str, data: st.DataObject, k: int
) -> None:
    items = st.integers(0, 15)
    rows = data.draw(st.lists(st.lists(items, min_size=8, max_size=8, unique=True), min_size=1, max_size=6))
    truths = [data.draw(st.sets(items, min_size=1)) for _ in rows]
    values = METRICS[name](ranked(*rows), Truth.of(truths), k)
    expected = [plain(name, row, relevant, k) for row, relevant in zip(rows, truths, strict=True)]
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_truth_from_pairs_is_truth_from_rows() -> None:
    pairs = Truth.of_pairs(np.array([2, 0, 2, 2, 0]), np.array([5, -1, 4, 5, -1], dtype=np.int32), 4)
    rows = Truth.of([[-1, -1], [], np.array([5, 4], dtype=np.int32), []])
    np.testing.assert_array_equal(pairs.offsets, rows.offsets)
    np.testing.assert_array_equal(pairs.items, rows.items)
    assert pairs.items.tolist() == [-1, -1, 4, 5]
    assert pairs.items.dtype == np.int32
    assert len(pairs) == 4


def test_a_user_with_many_queries_weighs_as_much_as_one_with_few() -> None:
    users, means = per_user_mean(np.array([1.0, 0.0, 0.0, 0.0, 1.0]), np.array([4, 4, 4, 4, 9]))
    assert users.tolist() == [4, 9]
    assert means.tolist() == [0.25, 1.0]
    assert means.mean() == 0.625


def test_queries_without_truth_do_not_pull_a_user_down() -> None:
    users, means = per_user_mean(np.array([np.nan, 0.5, np.nan]), np.array([3, 3, 7]))
    assert users.tolist() == [3]
    assert means.tolist() == [0.5]


def test_weighted_ndcg_puts_the_worth_of_a_hit_over_the_best_order() -> None:
    gains = np.array([np.nan, 10.0, 1.0, 4.0])
    value = weighted_ndcg(ranked([2, 9, 1]), Truth.of([[1, 2, 3]]), gains, 3)
    assert value.tolist() == pytest.approx([(1 + 10 / 2) / (10 + 4 / LOG2_3 + 1 / 2)])
    assert weighted_ndcg(ranked([2, 9, 1]), Truth.of([[1, 2, 3]]), gains, 1).tolist() == [1 / 10]
    assert weighted_ndcg(ranked([1, 3, 2]), Truth.of([[1, 2, 3]]), gains, 3).tolist() == [1.0]


def test_what_is_worth_nothing_or_unknown_is_no_gain() -> None:
    gains = np.array([np.nan, 2.0, -3.0])
    rows = ranked([0, 1], [0, 2], [7, 1], [1, 1])
    truth = Truth.of([[0, 1], [0, 2], [7, 1], [1, -1]])
    value = weighted_ndcg(rows, truth, gains, 2)
    assert value.tolist() == pytest.approx([1 / LOG2_3, np.nan, 1 / LOG2_3, 1.0], nan_ok=True)


def test_equal_worth_is_plain_ndcg() -> None:
    generator = np.random.default_rng(3)
    rows = np.array([generator.permutation(30)[:10] for _ in range(50)], np.int32)
    truth = Truth.of([generator.choice(30, generator.integers(1, 15), replace=False) for _ in range(50)])
    found = weighted_ndcg(rows, truth, np.full(30, 2.5), 7)
    assert found.tolist() == pytest.approx(ndcg(rows, truth, 7).tolist())
