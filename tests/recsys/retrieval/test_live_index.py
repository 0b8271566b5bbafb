"""A search over a released index and what came since equals one over all vectors as they are now."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.index import ExactIndex
from recsys.retrieval.live_index import FreshRows, LiveIndex

ROWS, ROOM, SIZE = 60, 30, 8


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.standard_normal((count, SIZE)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, ROOM), st.integers(0, 9), st.integers(1, 90), st.booleans())
def test_the_best_of_all_newest_vectors_are_found(
    seed: int, born: int, moved: int, k: int, hide: bool
) -> None:
    rng = np.random.default_rng(seed)
    released = unit(rng, ROWS)
    rows = np.concatenate((released, np.zeros((ROOM, SIZE), np.float32)))
    fresh = FreshRows(rows, ROWS)
    index = LiveIndex(FaissIndex.build(released, kind="flat"), fresh)
    size = ROWS + born
    fresh.put(np.arange(ROWS, size, dtype=np.int32), unit(rng, born))
    fresh.put(rng.permutation(ROWS)[:moved].astype(np.int32), unit(rng, moved))
    pool = ItemSet(rng.random(size) < rng.choice([0.1, 0.5, 1.0]))
    allowed = Allowed(pool)
    if hide:
        allowed = allowed.without(rng.permutation(size)[: size // 4].astype(np.int32))
    query = unit(rng, 1)[0]
    for _ in range(2):  # the second time from what was kept with the pool
        scores, codes = index.nearest(query, k, allowed)
        expected = ExactIndex(rows[:size]).nearest(query, k, allowed)
        np.testing.assert_array_equal(codes, expected[1])
        np.testing.assert_allclose(scores, expected[0], rtol=1e-6)
    padded = index.search(query[None, :], k, allowed)
    np.testing.assert_array_equal(padded[1][0][: len(codes)], codes)


def test_an_older_pool_knows_nothing_of_items_that_joined_since() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate((unit(rng, ROWS), np.zeros((ROOM, SIZE), np.float32)))
    fresh = FreshRows(rows, ROWS)
    index = LiveIndex(ExactIndex(rows[:ROWS].copy()), fresh)
    query = unit(rng, 1)[0]
    pool = ItemSet(np.ones(ROWS, np.bool_))
    fresh.put(np.array([ROWS], np.int32), query[None, :])
    assert ROWS not in index.nearest(query, ROWS + 5, Allowed(pool))[1]
    grown = ItemSet(np.ones(ROWS + 1, np.bool_))
    assert index.nearest(query, 1, Allowed(grown))[1].tolist() == [ROWS]


def test_while_nothing_is_new_the_index_is_asked_as_it_is() -> None:
    rows = unit(np.random.default_rng(1), ROWS)
    fresh = FreshRows(rows, ROWS)
    allowed = Allowed(ItemSet(np.ones(ROWS, np.bool_)))
    assert fresh.split(allowed)[0] is allowed
