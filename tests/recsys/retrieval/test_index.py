"""The pieces of the exact index, by known answers, and what only FAISS has: few probes and its own file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.index import ExactIndex, inner_products, top_k


def test_the_three_nearest_items_of_a_known_query() -> None:
    vectors = np.array([[1, 0], [0, 1], [2, 2], [-1, 0]], dtype=np.float32)
    scores, codes = ExactIndex(vectors).search(np.array([[1, 0.5]], dtype=np.float32), 3)
    assert codes.tolist() == [[2, 0, 1]]
    assert scores.tolist() == [[3.0, 1.0, 0.5]]


def test_top_k_orders_by_score_and_then_by_position() -> None:
    scores, positions = top_k(np.array([1, 3, 2, 3, 1, 3], dtype=np.float32), 4)
    assert positions.tolist() == [1, 3, 5, 2]
    assert scores.tolist() == [3, 3, 3, 2]


@pytest.mark.parametrize("k", [3, 4, 100])
def test_top_k_of_a_short_list_is_the_whole_list(k: int) -> None:
    scores, positions = top_k(np.array([1, 3, -np.inf], dtype=np.float32), k)
    assert positions.tolist() == [1, 0, 2]
    assert scores.tolist() == [3, 1, -np.inf]


def test_top_k_of_nothing_is_nothing() -> None:
    scores, positions = top_k(np.empty(0, dtype=np.float32), 5)
    assert (len(scores), len(positions)) == (0, 0)


@pytest.mark.parametrize("size", [3, 17, 60, 64, 131])
def test_equal_vectors_score_exactly_equal_wherever_they_stand(size: int) -> None:
    generator = np.random.default_rng(size)
    row, query = generator.standard_normal((2, size)).astype(np.float32)
    scores = inner_products(np.tile(row, (5_003, 1)), query)
    assert len(np.unique(scores)) == 1
    assert inner_products(row[None], query)[0] == scores[0]


def clustered(count: int) -> np.ndarray:
    generator = np.random.default_rng(5)
    centres = generator.standard_normal((50, 16)) * 3
    return (centres[generator.integers(0, 50, count)] + generator.standard_normal((count, 16))).astype(
        np.float32
    )


def test_a_few_probed_lists_find_nearly_everything_and_never_fall_short() -> None:
    vectors = clustered(20_000)
    index = FaissIndex.build(vectors, flat_limit=10_000, probes=32, seed=3)
    queries = clustered(200)
    exact = ExactIndex(vectors).search(queries, 20)[1]
    for mask in (None, np.arange(len(vectors)) % 4 == 0):
        expected = exact if mask is None else ExactIndex(vectors).search(queries, 20, mask)[1]
        found = index.search(queries, 20, mask)[1]
        assert (found >= 0).all()
        hits = [len(set(a) & set(b)) for a, b in zip(expected.tolist(), found.tolist(), strict=True)]
        assert np.mean(hits) / 20 > 0.9


def test_lists_are_the_same_for_the_same_seed() -> None:
    vectors = clustered(3_000)
    answers = [FaissIndex.build(vectors, flat_limit=0, seed=4).search(vectors[:50], 10)[1] for _ in range(2)]
    np.testing.assert_array_equal(*answers)


def test_a_damaged_or_foreign_faiss_file_is_refused(tmp_path: Path) -> None:
    FaissIndex.build(clustered(100)).save(tmp_path)
    save_arrays(tmp_path, vectors=clustered(99))
    with pytest.raises(ReleaseCorrupt, match="does not fit"):
        FaissIndex.load(tmp_path)
    (tmp_path / "index.faiss").write_bytes(b"not an index")
    with pytest.raises(ReleaseCorrupt, match=r"index\.faiss"):
        FaissIndex.load(tmp_path)
    (tmp_path / "index.faiss").unlink()
    with pytest.raises(ReleaseCorrupt, match=r"index\.faiss"):
        FaissIndex.load(tmp_path)


def test_one_thread_means_one_thread() -> None:
    program = (
        "from recsys.retrieval.faiss_index import use_one_thread, faiss\n"
        "faiss.omp_set_num_threads(3); use_one_thread(); assert faiss.omp_get_max_threads() == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])


def test_the_exact_index_does_not_import_faiss() -> None:
    program = "import recsys.retrieval.index, sys; assert 'faiss' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
