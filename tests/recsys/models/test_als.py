"""ALS separates communities, and folding in repeats what training solved."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from recsys.models.als import Als, AlsConfig, choose_alpha

CONFIG = AlsConfig(embedding_size=2, regularization=0.1, alpha=2.0, epochs=15)


def two_communities() -> sparse.csr_matrix:
    """20 shoppers × 10 items; the first ten shoppers touch items 0-4, the others 5-9, each four of five."""
    rows = np.zeros((20, 10), np.float32)
    for user in range(20):
        items = [item for item in range(5) if item != user % 5]
        rows[user, [item + 5 * (user // 10) for item in items]] = 1
    return sparse.csr_matrix(rows)


@pytest.fixture(scope="module")
def fitted() -> tuple[Als, np.ndarray]:
    return Als.fit(two_communities(), CONFIG, seed=1)


def test_the_missing_item_of_a_community_scores_above_every_item_of_the_other(
    fitted: tuple[Als, np.ndarray],
) -> None:
    als, shoppers = fitted
    scores = shoppers @ als.item_factors.T
    for user in range(20):
        missing = user % 5 + 5 * (user // 10)
        others = scores[user, 5:] if user < 10 else scores[user, :5]
        assert scores[user, missing] > others.max()


def test_folding_in_a_training_shopper_gives_nearly_the_trained_vector(
    fitted: tuple[Als, np.ndarray],
) -> None:
    als, shoppers = fitted
    values = two_communities()
    for user in (0, 7, 15):
        vector = als.fold_in(values[user].indices, values[user].data)
        np.testing.assert_allclose(vector, shoppers[user], atol=0.02)


def test_one_seed_gives_one_model(fitted: tuple[Als, np.ndarray]) -> None:
    again, _ = Als.fit(two_communities(), CONFIG, seed=1)
    np.testing.assert_array_equal(again.item_factors, fitted[0].item_factors)


def test_a_saved_model_folds_in_as_before(fitted: tuple[Als, np.ndarray], tmp_path: Path) -> None:
    als, _ = fitted
    als.save(tmp_path)
    loaded = Als.load(tmp_path, als.item_factors)
    items, values = np.array([0, 3], np.int32), np.array([1.0, 2.0], np.float32)
    np.testing.assert_array_equal(loaded.fold_in(items, values), als.fold_in(items, values))


@pytest.mark.parametrize(("items", "alpha"), [(1, 40.0), (50, 4.0), (100, 2.0), (1_000, 0.5)])
def test_the_more_a_shopper_leaves_the_less_each_event_weighs(items: int, alpha: float) -> None:
    values = sparse.csr_matrix(np.full((3, items), np.expm1(1.0), np.float32))
    nobody = sparse.csr_matrix((7, items), dtype=np.float32)
    assert choose_alpha(sparse.vstack([values, nobody]).tocsr()) == pytest.approx(alpha)


def test_a_chosen_alpha_is_saved_with_the_model(tmp_path: Path) -> None:
    als, _ = Als.fit(two_communities(), CONFIG.model_copy(update={"alpha": None}), seed=1)
    als.save(tmp_path)
    assert als.config.alpha == pytest.approx(40.0)
    assert Als.load(tmp_path, als.item_factors).config == als.config
