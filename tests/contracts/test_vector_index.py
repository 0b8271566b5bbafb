"""What every vector index must answer, run on the exact one, by length and with inverted lists.

The inverted lists are all probed here, so that they too must agree with the specification to the last tie.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import InputError
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.index import ExactIndex, VectorIndex

Build = Callable[[np.ndarray], VectorIndex]

BUILDERS: dict[str, Build] = {
    "exact": ExactIndex,
    "flat": FaissIndex.build,
    "lists": lambda vectors: FaissIndex.build(vectors, kind="ivf_sq8", probes=100_000),
}
ITEMS = 4_000


@pytest.fixture(params=BUILDERS)
def build(request: pytest.FixtureRequest) -> Build:
    return BUILDERS[request.param]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Item vectors with popular (long) ones, as factor models make them."""
    generator = np.random.default_rng(7)
    lengths = generator.pareto(3.0, size=(ITEMS, 1)) + 0.1
    return (generator.standard_normal((ITEMS, 32)) * lengths).astype(np.float32)


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    return np.random.default_rng(8).standard_normal((25, 32)).astype(np.float32)


def by_hand(vectors: np.ndarray, queries: np.ndarray, k: int, mask: np.ndarray) -> np.ndarray:
    """The specification in its plainest form: score all, sort by (-score, code), pad."""
    codes = np.full((len(queries), k), -1)
    for row, query in enumerate(queries):
        ranked = sorted(np.flatnonzero(mask), key=lambda code: (-np.vecdot(vectors[code], query), code))
        codes[row, : len(ranked[:k])] = ranked[:k]
    return codes


def assert_agrees(
    index: VectorIndex, vectors: np.ndarray, queries: np.ndarray, k: int, mask: np.ndarray
) -> None:
    scores, codes = index.search(queries, k, mask)
    assert (scores.dtype, codes.dtype) == (np.float32, np.int32)
    np.testing.assert_array_equal(codes, by_hand(vectors, queries, k, mask))
    padded = np.vstack([vectors, np.zeros_like(queries[:1])])
    expected = np.where(codes < 0, -np.inf, np.einsum("qkd,qd->qk", padded[codes], queries))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("k", [1, 20, 300])
def test_a_mask_of_any_share_gives_the_best_allowed_items(
    build: Build, vectors: np.ndarray, queries: np.ndarray, share: float, k: int
) -> None:
    mask = np.zeros(ITEMS, dtype=bool)
    mask[np.random.default_rng(9).permutation(ITEMS)[: int(share * ITEMS)]] = True
    assert_agrees(build(vectors), vectors, queries[:8], k, mask)


def test_without_a_mask_every_item_may_come(build: Build, vectors: np.ndarray, queries: np.ndarray) -> None:
    index = build(vectors)
    scores, codes = index.search(queries, 50)
    np.testing.assert_array_equal(codes, by_hand(vectors, queries, 50, np.ones(ITEMS, dtype=bool)))
    masked = index.search(queries, 50, np.ones(ITEMS, dtype=bool))
    np.testing.assert_array_equal(codes, masked[1])
    np.testing.assert_array_equal(scores, masked[0])


def test_a_mask_of_one_corner_of_the_space_is_filled_from_that_corner(
    build: Build, vectors: np.ndarray, queries: np.ndarray
) -> None:
    """The allowed items are the ones farthest from the query: the probed lists alone would not hold them."""
    far = np.argsort(vectors @ queries[0])[: ITEMS // 5]
    mask = np.zeros(ITEMS, dtype=bool)
    mask[far] = True
    assert_agrees(build(vectors), vectors, queries[:1], 30, mask)


@pytest.mark.parametrize("allowed", [0, 1, 7])
def test_fewer_allowed_items_than_k_are_all_given_and_the_rest_is_padded(
    build: Build, vectors: np.ndarray, queries: np.ndarray, allowed: int
) -> None:
    mask = np.zeros(ITEMS, dtype=bool)
    mask[100 : 100 + allowed] = True
    scores, codes = build(vectors).search(queries, 10, mask)
    assert set(codes[:, :allowed].ravel()) == set(range(100, 100 + allowed))
    assert (codes[:, allowed:] == -1).all()
    assert np.isneginf(scores[:, allowed:]).all()


def test_more_items_wanted_than_there_are_gives_all_of_them(build: Build, queries: np.ndarray) -> None:
    vectors = np.random.default_rng(1).standard_normal((5, 32)).astype(np.float32)
    assert_agrees(build(vectors), vectors, queries, 9, np.ones(5, dtype=bool))


def test_items_with_one_vector_come_by_code(build: Build) -> None:
    vectors = np.zeros((60, 4), dtype=np.float32)
    vectors[:, 0] = 1.0
    vectors[50:, 0] = 2.0
    _, codes = build(vectors).search(np.array([[1.0, 0.0, 0.0, 0.0]], dtype=np.float32), 13)
    assert codes[0].tolist() == [*range(50, 60), 0, 1, 2]


def test_a_thousand_equal_items_at_the_border_give_the_lowest_codes(build: Build) -> None:
    generator = np.random.default_rng(3)
    vectors = np.repeat(generator.standard_normal((3, 24)).astype(np.float32), 1_000, axis=0)
    vectors = vectors[generator.permutation(3_000)]
    mask = generator.random(3_000) < 0.6
    queries = generator.standard_normal((30, 24)).astype(np.float32)
    assert_agrees(build(vectors), vectors, queries, 40, mask)


def test_a_query_of_zeros_gives_the_lowest_allowed_codes(build: Build, vectors: np.ndarray) -> None:
    mask = np.arange(ITEMS) % 2 == 1
    _, codes = build(vectors).search(np.zeros((1, 32), dtype=np.float32), 4, mask)
    assert codes.tolist() == [[1, 3, 5, 7]]


def test_one_query_and_many_give_the_same_answer(
    build: Build, vectors: np.ndarray, queries: np.ndarray
) -> None:
    index = build(vectors)
    together = index.search(queries, 20)
    for row in range(len(queries)):
        alone = index.search(queries[row : row + 1], 20)
        np.testing.assert_array_equal(alone[0][0], together[0][row])
        np.testing.assert_array_equal(alone[1][0], together[1][row])


def test_an_empty_index_and_no_queries_give_padding_and_nothing(build: Build, vectors: np.ndarray) -> None:
    empty = build(np.empty((0, 32), dtype=np.float32))
    assert len(empty) == 0
    scores, codes = empty.search(np.ones((2, 32), dtype=np.float32), 3, np.empty(0, dtype=bool))
    assert codes.tolist() == [[-1, -1, -1]] * 2
    assert np.isneginf(scores).all()
    scores, codes = build(vectors).search(np.empty((0, 32), dtype=np.float32), 3)
    assert scores.shape == codes.shape == (0, 3)


def test_the_arguments_are_not_changed(build: Build, vectors: np.ndarray, queries: np.ndarray) -> None:
    given_vectors, given_queries, mask = vectors.copy(), queries.copy(), np.arange(ITEMS) % 3 == 0
    build(given_vectors).search(given_queries, 10, mask)
    np.testing.assert_array_equal(given_vectors, vectors)
    np.testing.assert_array_equal(given_queries, queries)
    np.testing.assert_array_equal(mask, np.arange(ITEMS) % 3 == 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(32, dtype=np.float32), 5), "queries have shape"),
        ((np.ones((1, 31), dtype=np.float32), 5), "queries have shape"),
        ((np.ones((1, 32)), 5), "float64"),
        ((np.full((1, 32), np.nan, dtype=np.float32), 5), "finite"),
        ((np.ones((1, 32), dtype=np.float32), 0), "k is 0"),
        ((np.ones((1, 32), dtype=np.float32), 5, np.ones(3, dtype=bool)), "mask"),
        ((np.ones((1, 32), dtype=np.float32), 5, np.ones(ITEMS, dtype=np.int8)), "mask"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    build: Build, vectors: np.ndarray, arguments: tuple[object, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build(vectors).search(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [np.ones(4), np.ones((2, 0)), np.ones((2, 2, 2)), np.array([[1.0, np.nan]]), np.array([[np.inf, 1.0]])],
)
def test_vectors_that_are_no_finite_matrix_are_refused(build: Build, bad: np.ndarray) -> None:
    with pytest.raises(InputError, match="item vectors"):
        build(bad.astype(np.float32))


@pytest.mark.parametrize("name", BUILDERS)
def test_an_index_answers_the_same_after_saving_and_loading(
    name: str, vectors: np.ndarray, queries: np.ndarray, tmp_path: Path
) -> None:
    index = BUILDERS[name](vectors)
    assert isinstance(index, ExactIndex | FaissIndex)
    index.save(tmp_path / "index")
    loaded = type(index).load(tmp_path / "index")
    mask = np.arange(ITEMS) % 2 == 0
    for left, right in zip(index.search(queries, 20, mask), loaded.search(queries, 20, mask), strict=True):
        np.testing.assert_array_equal(left, right)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", BUILDERS)
def test_small_whole_numbers_full_of_ties_agree_with_the_specification(
    name: str, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, 40), label="items")
    numbers = st.integers(-2, 2)
    vectors = np.array(
        data.draw(st.lists(st.tuples(numbers, numbers), min_size=count, max_size=count)), dtype=np.float32
    ).reshape(count, 2)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool)
    queries = np.array([data.draw(st.tuples(numbers, numbers))], dtype=np.float32)
    assert_agrees(BUILDERS[name](vectors), vectors, queries, data.draw(st.integers(1, 50)), mask)
