"""The walk's weights are known by hand, and its bounds change nothing but what they bound."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from recsys.models.linked import Linked, LinkedConfig

PLAIN = LinkedConfig(popularity=0.0)
ONE = float(np.expm1(1.0))
"""The value that counts 1 after damping."""


def values(*shoppers: list[float]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(shoppers, np.float32) * ONE)


def neighbours(model: Linked, item: int) -> dict[int, float]:
    _, codes, weights = model.pairs(np.array([item], np.int32))
    return dict(zip(codes.tolist(), weights.tolist(), strict=True))


def test_a_weight_is_the_chance_that_a_walk_over_a_shopper_ends_there() -> None:
    model = Linked.fit(values([1, 1, 0, 0], [1, 1, 1, 1]), PLAIN)
    assert neighbours(model, 0) == pytest.approx({1: 1 / 2 * 1 / 2 + 1 / 2 * 1 / 4, 2: 1 / 8, 3: 1 / 8})


def test_popular_ends_are_held_back_by_their_popularity() -> None:
    shoppers = values([1, 1, 1], [0, 1, 0], [0, 1, 0], [0, 1, 0])
    assert neighbours(Linked.fit(shoppers, PLAIN), 0) == pytest.approx({1: 1 / 3, 2: 1 / 3})
    damped = Linked.fit(shoppers, LinkedConfig(popularity=0.5))
    assert neighbours(damped, 0) == pytest.approx({2: 1 / 3, 1: 1 / 3 / np.sqrt(4)})


def test_items_without_a_common_shopper_are_not_linked_and_no_item_with_itself() -> None:
    model = Linked.fit(values([1, 1, 0, 0, 0], [0, 0, 1, 1, 0]), PLAIN)
    assert [list(neighbours(model, item)) for item in range(5)] == [[1], [0], [3], [2], []]


def test_only_the_best_are_kept_best_first_and_equal_ones_by_code() -> None:
    shoppers = values([1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 0])
    model = Linked.fit(shoppers, LinkedConfig(neighbours=3, popularity=0.0))
    assert list(neighbours(model, 0)) == [4, 1, 2]


def test_a_bound_on_the_steps_keeps_the_strongest_items_of_the_busiest_shopper() -> None:
    shoppers = values([3, 2, 1, 1], [1, 0, 0, 1])
    model = Linked.fit(shoppers, LinkedConfig(popularity=0.0, most_steps=8))
    assert list(neighbours(model, 0)) == [1, 3]
    assert neighbours(model, 2) == {}


def test_an_empty_log_gives_empty_lists() -> None:
    model = Linked.fit(sparse.csr_matrix((2, 3), dtype=np.float32), PLAIN)
    assert len(model) == 3
    assert [neighbours(model, item) for item in range(3)] == [{}, {}, {}]


def test_a_saved_model_has_the_same_lists(tmp_path: Path) -> None:
    model = Linked.fit(values([1, 1, 0], [0, 1, 1]), LinkedConfig())
    model.save(tmp_path)
    loaded = Linked.load(tmp_path)
    assert [neighbours(loaded, item) for item in range(3)] == [neighbours(model, item) for item in range(3)]
