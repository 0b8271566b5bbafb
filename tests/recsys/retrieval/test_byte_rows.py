"""Bytes never hide an item: the bound holds for any row and query, and searches that read bytes equal the plain one."""

import numpy as np
import pytest

from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.by_length import ByLength
from recsys.retrieval.byte_kernel import LEVELS, STRIDE
from recsys.retrieval.byte_rows import ByteRows
from recsys.retrieval.index import ExactIndex
from recsys.retrieval.lists import Lists

WIDTHS = (1, 16, 63, 64, 65, 100, 128, 200, 512)


def uneven(count: int, size: int, seed: int) -> np.ndarray:
    """Vectors of very different lengths, some with one number that outweighs the others, some zero, some equal."""
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((count, size)) * generator.lognormal(0, 2, (count, 1))
    vectors[::5, 0] *= 1e4
    vectors[::7] = 0
    vectors[1::11] = vectors[1]
    vectors[2::13] *= 1e-12
    return vectors.astype(np.float32)


@pytest.mark.parametrize("size", WIDTHS)
def test_an_inner_product_lies_within_the_error_of_its_row(size: int) -> None:
    vectors = uneven(500, size, seed=size)
    rows = ByteRows.of(vectors, np.arange(500, dtype=np.int32))
    assert rows.numbers.shape[1] % STRIDE == 0
    assert not rows.numbers[:, size:].any()
    for query in uneven(60, size, seed=size + 1):
        unit = np.abs(query).max() / LEVELS
        whole = np.rint(query / unit) if unit > 0 else np.zeros(size)
        products = rows.numbers[:, :size].astype(np.int64) @ whole.astype(np.int64)
        apart = np.abs(unit * rows.scales[:, 0] * products - vectors.astype(np.float64) @ query)
        assert (
            apart <= np.linalg.norm(query.astype(np.float64)) * rows.scales[:, 1].astype(np.float64)
        ).all()


@pytest.mark.parametrize("size", WIDTHS)
def test_searches_that_read_bytes_find_what_the_plain_one_finds(size: int) -> None:
    """Without a filter, behind broad and narrow ones, with hidden items; scores and ties to the last digit."""
    count, generator = 1_500, np.random.default_rng(size)
    vectors, exact = uneven(count, size, seed=size), ExactIndex(uneven(count, size, seed=size))
    flat, lists = ByLength.of(vectors), Lists.of(vectors, seed=0)
    pools = [None, *(ItemSet(generator.random(count) < share) for share in (1.0, 0.6, 0.05, 0.0))]
    for query in uneven(20, size, seed=size + 2):
        for pool in pools:
            hidden = generator.integers(0, count, 30)
            allowed = None if pool is None else Allowed(pool).without(hidden)
            for k in (1, 40, 300):
                expected = exact.nearest(query, k, allowed)
                found = [flat.search(query, k, allowed), lists.search(query, k, (len(lists), 0), allowed)]
                if allowed is not None:
                    found += [flat.among(query, k, allowed), lists.among(query, k, allowed)]
                for scores, codes in found:
                    np.testing.assert_array_equal(codes, expected[1])
                    np.testing.assert_array_equal(scores, expected[0])


def test_few_probes_still_fill_the_list_from_behind_a_filter() -> None:
    """One probe may hold nothing that is allowed: the search goes on until k are found or nothing is left."""
    generator = np.random.default_rng(4)
    vectors = generator.standard_normal((3_000, 24)).astype(np.float32)
    lists = Lists.of(vectors, seed=0)
    for share in (0.5, 0.02):
        pool = ItemSet(generator.random(3_000) < share)
        for k in (10, 50, 2_000):
            scores, codes = lists.search(vectors[0], k, (1, 0), Allowed(pool))
            assert len(codes) == min(k, len(pool)) == len(set(codes.tolist()))
            assert pool.flags[codes].all() and (np.diff(scores) <= 0).all()
