"""Own items vote for their neighbours by value."""

import numpy as np
import pytest

from recsys.models.linked import Linked
from recsys.past import EMPTY_PAST
from recsys.retrieval.linked import LinkedItems
from recsys.retrieval.source import Taste

EVERYTHING = np.ones(60, bool)


def source(links: dict[int, dict[int, float]]) -> LinkedItems:
    rows = [links.get(item, {}) for item in range(60)]
    return LinkedItems(
        Linked(
            np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
            np.array([code for row in rows for code in row], np.int32),
            np.array([weight for row in rows for weight in row.values()], np.float32),
        )
    )


def taste(own: dict[int, float]) -> Taste:
    codes, values = np.array(list(own), np.int32), np.array(list(own.values()), np.float32)
    return Taste(codes, values, codes[::-1], 0 * values + 1, 0 * values, EMPTY_PAST, None)


def test_scores_are_sums_of_value_times_weight_with_the_best_at_one() -> None:
    scores = source({0: {5: 0.5, 6: 0.25}, 1: {6: 0.5}}).read(taste({0: 1.0, 1: 2.0}))
    assert scores.top(10, EVERYTHING).tolist() == [6, 5]
    np.testing.assert_allclose(scores.at(np.array([5, 6, 7])), [0.5 / 1.25, 1.0, 0.0])


def test_the_reason_is_the_own_item_that_gave_most() -> None:
    scores = source({0: {5: 0.5, 6: 0.25}, 1: {6: 0.5}}).read(taste({0: 1.0, 1: 2.0}))
    assert scores.because(np.array([6, 5, 7])).tolist() == [1, 0, -1]


@pytest.mark.parametrize("own", [{}, {3: 1.0}])
def test_a_shopper_without_linked_items_has_no_scores(own: dict[int, float]) -> None:
    scores = source({0: {5: 0.5}}).read(taste(own))
    assert scores.top(10, EVERYTHING).tolist() == []


def test_of_many_own_items_the_most_valued_speak() -> None:
    own = dict.fromkeys(range(50), 1.0) | {49: 3.0, 48: 2.0}
    scores = source({49: {55: 1.0}, 48: {56: 1.0}, 47: {57: 1.0}}).read(taste(own))
    assert scores.top(10, EVERYTHING).tolist() == [55, 56]
