"""What nobody has touched yet is found by its words; who has done nothing yet is known by what is said of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import load_array
from recsys.config import ReleaseConfig
from recsys.history import History
from recsys.models.embedding import ItemEmbedding
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.retrieval.alike import AlikeItems
from recsys.retrieval.index import ExactIndex
from recsys.testing import Shop, build_shop
from recsys.train import fit_release
from recsys.types import Item

LIST = 20


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=5)


@pytest.fixture(scope="module")
def folder(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that never saw a row of the last hundred shoppers."""
    path = tmp_path_factory.mktemp("release")
    config = ReleaseConfig.model_validate({"ranker": {"trees": 10, "queries": 400, "queries_per_shopper": 4}})
    attributes = {user.user_id: user.attributes for user in shop.users[:200]}
    fit_release(
        shop.interactions.where(shop.interactions.user < 200), shop.items, attributes, config, path, seed=1
    )
    return path


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Pipeline:
    return Pipeline.load(folder)


def history_of(shop: Shop, user: int) -> History:
    rows = next(shop.interactions.per_user([user]))
    return History(shop.interactions.item[rows], shop.interactions.type[rows], shop.interactions.time[rows])


def test_cold_items_of_the_shoppers_own_group_stand_above_those_of_other_groups(
    shop: Shop, pipeline: Pipeline
) -> None:
    cold, groups = shop.planted.cold, shop.planted.item_group
    firsts = []
    for user in range(200, 300, 5):
        allowed = np.setdiff1d(np.arange(len(shop.items)), cold).astype(np.int32)
        query = Query(as_of=shop.end, history=history_of(shop, user), exclude=allowed, num=len(cold))
        found = pipeline.recommend(query).items
        firsts.append(groups[found[0]] == shop.planted.user_group[user])

    assert np.mean(firsts) > 0.6


def test_cold_items_are_among_what_is_alike_to_the_warm_items_of_their_group(
    shop: Shop, pipeline: Pipeline
) -> None:
    """Every seventh warm item asks: a cold item that it finds is of its own group."""
    alike = next(source for source in pipeline.sources if source.name == "alike")
    cold, groups = shop.planted.cold, shop.planted.item_group
    only_cold = np.isin(np.arange(len(shop.items)), cold)
    everything = np.ones(len(shop.items), bool)
    best, present = [], []
    for item in np.setdiff1d(np.arange(len(shop.items)), cold)[::7].tolist():
        scores = alike.read(pipeline.reader.read(Query(as_of=shop.end, related=np.array([item], np.int32))))
        best.append(groups[scores.top(1, only_cold)[0]] == groups[item])
        present.append(np.isin(scores.top(40, everything), cold).any())
    assert np.mean(best) > 0.9

    assert np.mean(present) > 0.5


def test_an_item_born_after_training_is_among_what_is_alike_to_its_group(
    shop: Shop, folder: Path, pipeline: Pipeline
) -> None:
    """It is known by its words and its category alone, and no item has those words exactly."""
    vectors = load_array(folder / "embedding" / "index", "vectors")
    embedding, groups = ItemEmbedding.load(folder / "embedding", vectors), shop.planted.item_group
    found = []
    for group in range(6):
        first = int(np.flatnonzero(groups == group)[0])
        born = Item(
            item_id="born later", titles=shop.items[first + 5].titles, category=shop.items[first].category
        )
        vector = embedding.encode([replace(born, titles={"en": born.titles["en"] + " Deluxe"})])
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        grown = np.vstack((vectors, vector))
        alike = AlikeItems(ExactIndex(grown), grown)
        for item in range(first, first + 30):
            taste = pipeline.reader.read(Query(as_of=shop.end, related=np.array([item], np.int32)))
            found.append(len(vectors) in alike.read(taste).top(40, np.ones(len(grown), bool)))
    assert np.mean(found) > 0.9, np.mean(found)


def ndcg(shown: np.ndarray, worth: np.ndarray) -> float:
    """NDCG of a list by graded worth of every item."""
    discounts = 1 / np.log2(np.arange(2, LIST + 2))
    return float(
        (worth[shown[:LIST]] * discounts[: len(shown)]).sum()
        / (np.sort(worth)[::-1][:LIST] * discounts).sum()
    )


def test_shoppers_without_events_but_with_tags_get_better_lists_than_the_trend(
    shop: Shop, pipeline: Pipeline
) -> None:
    """The truth is planted: items of the shopper's community, by popularity within it."""
    trend = pipeline.recommend(Query(as_of=shop.end, num=LIST)).items
    gains = []
    for user in range(200, 300):
        attributes = shop.users[user].attributes
        if "interest" in attributes:
            same = shop.planted.item_group == shop.planted.user_group[user]
            worth = np.where(same, shop.planted.popularity, 0)
            answer = pipeline.recommend(Query(as_of=shop.end, attributes=attributes, num=LIST))
            assert answer.fallback_used == "segment"
            gains.append((ndcg(answer.items, worth), ndcg(trend, worth)))
    known, plain = np.mean(gains, axis=0)
    assert len(gains) > 60
    assert known > 1.5 * plain, (known, plain)


def test_a_release_says_so_when_it_cannot_know_a_shopper(shop: Shop, pipeline: Pipeline) -> None:
    answer = pipeline.recommend(Query(as_of=shop.end, attributes={"interest": "never heard of"}))
    assert answer.fallback_used == "trending"
