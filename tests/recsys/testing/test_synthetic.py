"""A synthetic release loads as a real one, answers every sort of question, and is the same every time."""

from pathlib import Path

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.expressions import parse
from recsys.history import History
from recsys.models.covisitation import Covisitation
from recsys.models.linked import Linked
from recsys.models.neighbour_lists import NeighbourLists
from recsys.models.sessions import Sessions
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.ranking.features import FEATURES
from recsys.ranking.ranker import Ranker
from recsys.release import verify
from recsys.testing import files_naming
from recsys.testing.assortment import END, Assortment
from recsys.testing.synthetic import build_release
from recsys.types import EVENT_CODES, EventType

ITEMS = 600
VIEW = EVENT_CODES[EventType.VIEW]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(ITEMS, tmp_path_factory.mktemp("synthetic"))[0]


@pytest.fixture(scope="module")
def pipeline(release: Path) -> Pipeline:
    return Pipeline.load(release)


def history_of(codes: list[int]) -> History:
    times = END - 60_000 * np.arange(len(codes), 0, -1)
    return History(np.array(codes, np.int32), np.full(len(codes), VIEW, np.int8), times.astype(np.int64))


def test_it_is_a_sealed_release(release: Path) -> None:
    manifest = verify(release)
    assert manifest.release_id == release.name
    assert manifest.data["synthetic"] == ITEMS
    assert files_naming(release, ["shopper-0"]) == []


def test_every_sort_of_question_is_answered(release: Path, pipeline: Pipeline) -> None:
    sessions = Sessions.load(release / "sessions")
    history = history_of(sessions.items[:12].tolist())
    sold = pipeline.catalogue.eligible(END)
    questions = {
        "stranger": Query(as_of=END),
        "shopper": Query(as_of=END, history=history, slot="home"),
        "known by attributes": Query(as_of=END, attributes={"age_band": "28+"}),
        "related": Query(as_of=END, related=history.items[:1]),
        "filtered": Query(as_of=END, history=history, filter=parse("price < 40")),
    }
    lists = {name: pipeline.recommend(query).items for name, query in questions.items()}
    for name, items in lists.items():
        assert len(items) == 20, name
        assert sold[items].all(), name
    assert len({tuple(items.tolist()) for items in lists.values()}) == len(lists)


def test_sources_and_ranker_tell_items_apart(pipeline: Pipeline, release: Path) -> None:
    history = history_of(Sessions.load(release / "sessions").items[:12].tolist())
    codes, matrix, _ = pipeline.candidates(Query(as_of=END, history=history))
    assert matrix.shape == (len(FEATURES), len(codes))
    assert pipeline.ranker is not None
    assert len(np.unique(pipeline.ranker.score(matrix))) > len(codes) / 4


def test_the_ranker_has_the_shape_of_a_trained_one(release: Path) -> None:
    ranker, config = Ranker.load(release / "ranker", FEATURES), ReleaseConfig().ranker
    trees = ranker.trees
    assert len(trees.roots) == config.trees
    assert len(trees.leaves) == config.trees * config.leaves
    for tree, root in enumerate(trees.roots.tolist()):
        found, left = [], [root]
        while left:
            node = left.pop()
            if node < 0:
                found.append(~node)
            else:
                left += trees.children[node].tolist()
        first = tree * config.leaves
        assert sorted(found) == list(range(first, first + config.leaves))


@pytest.mark.parametrize(("folder", "kind"), [("covisitation", Covisitation), ("linked", Linked)])
def test_neighbour_lists_keep_their_invariants(
    folder: str, kind: type[NeighbourLists], release: Path, pipeline: Pipeline
) -> None:
    lists, category = kind.load(release / folder), pipeline.catalogue.category
    assert len(lists) == ITEMS
    owner = np.repeat(np.arange(ITEMS), np.diff(lists.indptr))
    assert (owner != lists.indices).all()
    assert len(np.unique(owner * ITEMS + lists.indices)) == len(owner)
    within = owner[1:] == owner[:-1]
    assert (np.diff(lists.weights)[within] <= 0).all()
    assert lists.weights.min() > 0
    # Mostly of one category, as what is bought together is.
    assert (category[owner] == category[lists.indices]).mean() > 0.4


def test_vectors_of_one_category_are_alike(pipeline: Pipeline) -> None:
    released = pipeline.catalogue.released
    vectors, category = pipeline.table.vectors[:released], pipeline.catalogue.category[:released]
    cosines = vectors @ vectors.T
    same = category[:, None] == category[None, :]
    np.fill_diagonal(same, False)
    assert np.allclose(np.diag(cosines), 1, atol=1e-5)
    assert cosines[same].mean() > cosines[~same].mean() + 0.3


def test_the_catalogue_is_a_shops(release: Path) -> None:
    catalogue = Catalogue.load(release / "catalogue")
    item = catalogue.item(0)
    assert item is not None
    assert set(item.titles) == {"en", "zh"}
    assert 0.8 < catalogue.eligible(END).mean() < 1
    assert len(catalogue.brands) > 5
    assert any(ord(path[0]) > 127 for path in catalogue.categories.paths)
    assert (catalogue.number("price", END) < catalogue.price).mean() > 0.05


def test_the_same_size_and_seed_give_the_same_release(release: Path, tmp_path: Path) -> None:
    assert build_release(ITEMS, tmp_path)[0].name == release.name
    assert build_release(ITEMS, tmp_path, seed=1)[0].name != release.name


def test_too_small_a_shop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small"):
        build_release(10, tmp_path)


def test_items_are_drawn_from_their_category_by_appeal() -> None:
    generator = np.random.default_rng(3)
    shop = Assortment.make(1_000, generator)
    leaf = np.full(5_000, 7, np.int32)
    drawn = shop.draw(leaf, generator)
    assert (shop.leaf[drawn] == 7).all()
    of_leaf = np.flatnonzero(shop.leaf == 7)
    counts = np.bincount(drawn, minlength=1_000)[of_leaf]
    shares = shop.appeal[of_leaf] / shop.appeal[of_leaf].sum()
    assert np.abs(counts / len(drawn) - shares).max() < 0.03


def test_releases_of_different_shops_share_half_of_their_items(release: Path, tmp_path: Path) -> None:
    other = build_release(ITEMS, tmp_path, seed=1, own="b-")[0]
    ids = []
    for folder in (release, other):
        vocabulary = Catalogue.load(folder / "catalogue").vocabulary
        ids.append({vocabulary[code] for code in range(len(vocabulary))})
    first, second = ids
    assert len(first) == len(second) == ITEMS
    assert len(first & second) == ITEMS // 2
    assert all(item.startswith("item-b-") for item in second - first)
