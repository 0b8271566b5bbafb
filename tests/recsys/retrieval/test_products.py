"""Compiled inner products equal numpy's, for rows in any order, and the nearest seed is the first of the best."""

import numpy as np
import pytest

from recsys.retrieval.products_kernel import nearest_seeds, positive_products


@pytest.mark.parametrize("size", [1, 7, 64, 100])
def test_products_equal_the_same_with_whole_arrays(size: int) -> None:
    generator = np.random.default_rng(size)
    vectors = generator.normal(size=(500, size)).astype(np.float32)
    vectors.setflags(write=False)
    for _ in range(500):
        codes = generator.integers(0, 500, int(generator.integers(0, 250))).astype(np.int32)
        query = generator.normal(size=size).astype(np.float32)
        exact = vectors[codes].astype(np.float64) @ query.astype(np.float64)
        np.testing.assert_allclose(positive_products(vectors, codes, query), exact.clip(0), atol=1e-5)


def test_the_nearest_seed_is_the_first_of_the_best() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.integers(-2, 3, (50, 4)).astype(
        np.float32
    )  # whole numbers, so that many products tie
    for _ in range(1_000):
        codes, seeds = (
            generator.integers(0, 50, int(n)).astype(np.int32) for n in generator.integers(1, 20, 2)
        )
        expected = seeds[np.argmax(vectors[codes] @ vectors[seeds].T, axis=1)]
        np.testing.assert_array_equal(nearest_seeds(vectors, codes, seeds), expected)
