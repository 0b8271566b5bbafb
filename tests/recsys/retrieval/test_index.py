"""The pieces of the exact index, by known answers, and what only the fast one has: few probes and its own files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import load_array, load_json, save_arrays, save_json
from recsys.errors import InputError, ReleaseCorrupt
from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.filtered_recall import filtered_searches
from recsys.retrieval.index import ExactIndex, inner_products, top_k
from recsys.retrieval.index_facts import found_share


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


def alike(count: int) -> np.ndarray:
    """Clustered vectors of one length, as embeddings are."""
    vectors = clustered(count)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def lengthy(count: int) -> np.ndarray:
    """Vectors without clusters, few of them long, as factor models make them."""
    generator = np.random.default_rng(6)
    lengths = generator.pareto(1.5, size=(count, 1)) + 0.1
    return (generator.standard_normal((count, 16)) * lengths).astype(np.float32)


def test_the_vectors_decide_what_is_built() -> None:
    """A search of long ones first is over soon; those of one length go to lists; those without shape are all read."""
    lengths = FaissIndex.build(lengthy(20_000)).facts
    assert lengths.kind == "flat" and lengths.compared < 5_000
    lists = FaissIndex.build(alike(30_000)).facts
    assert (lists.kind, lists.items, lists.dimensions) == ("ivf_sq8", 30_000, 16)
    assert 0 < lists.probes <= lists.deep_probes < lists.lists and lists.compared < 6_000
    generator = np.random.default_rng(3)
    shapeless = generator.standard_normal((60_000, 48)).astype(np.float32)
    shapeless /= np.linalg.norm(shapeless, axis=1, keepdims=True)
    assert FaissIndex.build(shapeless).facts.kind == "flat"


def test_the_recall_that_is_written_down_is_that_of_other_queries_too() -> None:
    vectors, generator = alike(30_000), np.random.default_rng(9)
    for kind in ("ivf_sq8", "flat"):
        index = FaissIndex.build(vectors, kind=kind, seed=3, depth=20)
        queries = vectors[generator.integers(0, len(vectors), 100)]
        assert min(index.facts.recalls) >= index.facts.target == 0.99
        for k in (20, 100, 300):
            exact = list(ExactIndex(vectors).search(queries, k)[0])
            assert found_share(list(index.search(queries, k)[0]), exact) >= 0.985


def test_probes_follow_what_is_asked_and_how_deep() -> None:
    """Questions in the middle of a cluster need fewer lists than mixtures of clusters, a few items fewer than many."""
    vectors = alike(30_000)
    near = FaissIndex.build(vectors, kind="ivf_sq8", asked=vectors[:100], depth=5).facts
    mixed = FaissIndex.build(vectors, kind="ivf_sq8", depth=100).facts
    assert near.probes < near.deep_probes <= mixed.deep_probes
    assert mixed.probes == mixed.deep_probes
    assert near.probes <= near.filtered_probes and near.deep_probes <= near.deep_filtered_probes
    usual, deep = (near.probes, near.filtered_probes), (near.deep_probes, near.deep_filtered_probes)
    assert [near.probes_for(k) for k in (5, 6, 100)] == [usual, deep, deep]
    assert near.probes_for(101) == (2 * deep[0], 2 * deep[1])


def test_a_build_below_its_recall_target_fails_and_says_so() -> None:
    with pytest.raises(InputError, match=r"\(ivf_sq8\) over 20000 items .* target of 0.99"):
        FaissIndex.build(lengthy(20_000), kind="ivf_sq8", probes=2)
    assert FaissIndex.build(lengthy(20_000), kind="ivf_sq8", probes=2, target=0.01).facts.recall < 0.9


def test_filters_of_any_share_cost_no_recall_on_fifty_thousand_items() -> None:
    generator = np.random.default_rng(12)
    centres = generator.standard_normal((300, 32))
    drawn = (
        centres[generator.integers(0, 300, 50_040)] + 0.7 * generator.standard_normal((50_040, 32))
    ).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    vectors, queries = np.ascontiguousarray(drawn[40:]), drawn[:40]
    index = FaissIndex.build(vectors, kind="ivf_sq8")
    rows = filtered_searches(vectors, index, queries, clock=lambda: 0.0)
    assert [row.search for row in rows] == ["ivf", "ivf", "exact", "exact", "exact"] * 2
    assert [row.allowed for row in rows[:5]] == [50_000, 25_000, 5_000, 500, 50]
    assert all(row.recall >= 0.99 for row in rows), rows


def test_a_filter_that_leaves_another_corner_is_answered_from_that_corner() -> None:
    vectors = alike(20_000)
    index = FaissIndex.build(vectors, kind="ivf_sq8")
    query = vectors[:1]
    mask = np.zeros(len(vectors), np.bool_)
    mask[np.argsort(vectors @ query[0])[:6_000]] = True
    assert index.plan(50, mask).search == "ivf"
    found, exact = (each.search(query, 50, mask)[1][0].tolist() for each in (index, ExactIndex(vectors)))
    assert len(set(found) & set(exact)) >= 47


@pytest.mark.parametrize("kind", ["flat", "ivf_sq8"])
def test_hidden_items_cost_no_place_and_leave_the_shared_set_alone(kind: str) -> None:
    vectors = alike(5_000)
    index = FaissIndex.build(vectors, kind=kind)  # type: ignore[arg-type]
    pool = ItemSet(np.random.default_rng(1).random(len(vectors)) < 0.97)
    for row in range(20):
        query = vectors[row : row + 1]
        best = ExactIndex(vectors).search(query, 30, pool.flags)[1][0]
        allowed = Allowed(pool).without(best[:10])
        np.testing.assert_array_equal(index.search(query, 20, allowed)[1][0], best[10:])
        np.testing.assert_array_equal(index.search(query, 30, Allowed(pool))[1][0], best)


def test_lists_are_the_same_for_the_same_seed() -> None:
    vectors = clustered(3_000)
    answers = [
        FaissIndex.build(vectors, kind="ivf_sq8", seed=4).search(vectors[:50], 10)[1] for _ in range(2)
    ]
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("kind", ["flat", "ivf_sq8"])
def test_an_index_is_saved_with_what_is_known_of_it(kind: str, tmp_path: Path) -> None:
    index = FaissIndex.build(alike(2_000), kind=kind)  # type: ignore[arg-type]
    index.save(tmp_path)
    loaded = FaissIndex.load(tmp_path)
    assert loaded.facts == index.facts
    assert load_json(tmp_path, "facts")["recall"] == index.facts.recall


@pytest.mark.parametrize("left", ["index.faiss", "rows.npy"])
def test_a_folder_written_before_searches_read_bytes_is_searched_exactly(left: str, tmp_path: Path) -> None:
    vectors = alike(500)
    save_arrays(tmp_path, vectors=vectors)
    save_json(tmp_path, "facts", {"kind": "flat_fp16", "probes": 0})
    (tmp_path / left).write_bytes(b"whatever it was")
    found = FaissIndex.load(tmp_path)
    assert found.facts.kind == "flat"
    np.testing.assert_array_equal(
        found.search(vectors[:9], 7)[1], ExactIndex(vectors).search(vectors[:9], 7)[1]
    )


@pytest.mark.parametrize("kind", ["flat", "ivf_sq8"])
def test_a_damaged_or_foreign_index_is_refused(kind: str, tmp_path: Path) -> None:
    index = FaissIndex.build(clustered(100), kind=kind)  # type: ignore[arg-type]
    names = {"flat": "lengths", "ivf_sq8": "starts"}
    for name in ("vectors", "codes", "bytes", "scales", names[kind]):
        index.save(tmp_path)
        whole = load_array(tmp_path, name)
        save_arrays(tmp_path, **{name: whole[:-1]})
        with pytest.raises(ReleaseCorrupt, match="does not fit"):
            FaissIndex.load(tmp_path)
        (tmp_path / f"{name}.npy").write_bytes(b"not an array")
        with pytest.raises(ReleaseCorrupt, match=name):
            FaissIndex.load(tmp_path)
    index.save(tmp_path)
    save_json(tmp_path, "facts", {"kind": "flat"})
    with pytest.raises(ReleaseCorrupt, match=r"facts\.json"):
        FaissIndex.load(tmp_path)


def test_searching_does_not_import_faiss() -> None:
    program = "import recsys.retrieval.faiss_index, sys; assert 'faiss' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
