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


def equations(als: Als, items: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Hu, Koren and Volinsky's eq. 4 as it is written, with a general solver."""
    factors = als.item_factors[items].astype(np.float64)
    confidence = 1 + float(als.config.alpha or 0) * np.log1p(values.astype(np.float64))
    left = als.gram + als.config.regularization * np.eye(len(als.gram))
    return np.linalg.solve(left + (factors.T * (confidence - 1)) @ factors, factors.T @ confidence)


@pytest.mark.parametrize("size", [1, 3, 4, 16, 64, 65])
def test_a_compiled_fold_in_solves_the_equations(size: int) -> None:
    generator = np.random.default_rng(size)
    factors = generator.normal(size=(500, size)).astype(np.float32)
    factors.setflags(write=False)
    config = AlsConfig(embedding_size=size, regularization=0.5, alpha=7.0)
    als = Als(config, factors, factors.T @ factors)
    for count in (1, 2, 3, 4, 5, 8, 30, 301):
        for _ in range(20):
            items = generator.choice(500, count, replace=False).astype(np.int32)
            values = (generator.random(count) * 3).astype(np.float32)
            found = als.fold_in(items, values)
            assert (found.shape, found.dtype) == ((size,), np.float32)
            np.testing.assert_allclose(found, equations(als, items, values), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_factors_that_are_no_numbers_are_refused(broken: float) -> None:
    factors = np.ones((5, 4), np.float32)
    factors[2, 1] = broken
    als = Als(AlsConfig(embedding_size=4, alpha=1.0), factors, np.eye(4, dtype=np.float32))
    with pytest.raises(np.linalg.LinAlgError, match="train again"):
        als.fold_in(np.array([1, 2], np.int32), np.ones(2, np.float32))
