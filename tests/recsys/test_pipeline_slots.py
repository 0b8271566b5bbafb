"""Slots through the whole pipeline: what is closed out, held back, filled up, and how it is accounted for."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.config import ReleaseConfig
from recsys.expressions import parse
from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query, Slot
from recsys.ranking.slots import SlotsConfig
from recsys.testing import Shop, ShopSize, build_shop
from recsys.train import fit_release
from recsys.types import EVENT_CODES, POSITIVE_TYPES, EventType
from recsys.weights import DAY_MS

POSITIVE = [EVENT_CODES[kind] for kind in POSITIVE_TYPES]
BUY, VIEW, CART = EventType.PURCHASE, EventType.VIEW, EventType.CART
CONFIG = ReleaseConfig.model_validate({"ranker": {"trees": 20, "queries": 800, "queries_per_shopper": 5}})
"""A ranker from few questions: enough for an order, in a tenth of the time."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=6, size=ShopSize(users=100))


@pytest.fixture(scope="module")
def pipeline(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("release")
    fit_release(shop.interactions, shop.items, {}, CONFIG, folder, seed=1)
    return Pipeline.load(folder)


def history_of(shop: Shop, user: int) -> History:
    rows = next(shop.interactions.per_user([user]))
    return History(shop.interactions.item[rows], shop.interactions.type[rows], shop.interactions.time[rows])


def events(kind: EventType, items: list[int], days: float = 0.01) -> History:
    times = (np.arange(len(items)) * days * DAY_MS).astype(np.int64)
    return History(np.array(items, np.int32), np.full(len(items), EVENT_CODES[kind], np.int8), times)


def sellable(pipeline: Pipeline, shop: Shop, count: int) -> list[int]:
    return np.flatnonzero(pipeline.catalogue.eligible(shop.end))[:count].tolist()


def seen(history: History) -> np.ndarray:
    return history.items[np.isin(history.types, POSITIVE)]


@pytest.mark.parametrize(("num", "most"), [(20, 4), (7, 1), (3, 0), (100, 20)])
def test_home_is_full_and_shows_a_fifth_of_seen_items_at_most(
    pipeline: Pipeline, shop: Shop, num: int, most: int
) -> None:
    for user in range(0, 60, 3):
        history = history_of(shop, user)
        answer = pipeline.recommend(Query(as_of=shop.end, slot="home", history=history, num=num))
        assert len(answer.items) == num
        assert np.isin(answer.items, seen(history)).sum() <= most


def test_home_and_any_agree_on_the_order_of_unseen_items(pipeline: Pipeline, shop: Shop) -> None:
    history = history_of(shop, 3)
    lists = [
        pipeline.recommend(Query(as_of=shop.end, slot=slot, history=history, num=60)).items
        for slot in ("home", "any")
    ]
    home, anywhere = (items[~np.isin(items, seen(history))] for items in lists)
    assert home[: len(anywhere)].tolist() == anywhere.tolist()


def test_who_saw_everything_still_gets_a_full_home_list(pipeline: Pipeline, shop: Shop) -> None:
    everything = events(VIEW, list(range(len(shop.items))))
    answer = pipeline.recommend(Query(as_of=shop.end, slot="home", history=everything))
    assert len(answer.items) == 20
    assert sum(answer.counts.values()) == len(shop.items)


def test_unseen_items_nobody_proposed_come_before_seen_ones_over_the_limit(
    pipeline: Pipeline, shop: Shop
) -> None:
    mine = sellable(pipeline, shop, 30)
    query = Query(as_of=shop.end, slot="home", history=events(VIEW, mine), sources=("own",))
    answer = pipeline.recommend(query)
    assert np.isin(answer.items, mine).sum() == 4
    assert answer.counts["seen_before"] == 30 - 4


def test_a_held_back_item_says_so(pipeline: Pipeline, shop: Shop) -> None:
    mine = sellable(pipeline, shop, 30)
    query = {"as_of": shop.end, "slot": "home", "history": events(VIEW, mine), "sources": ("own",)}
    shown = pipeline.recommend(Query(**query)).items
    held_back = next(item for item in mine if item not in shown)
    found = pipeline.recommend(Query(**query, why_not=held_back)).why_not
    assert found is not None
    assert found.stage == "seen_before"


def test_home_hides_a_bought_item_that_is_bought_once(pipeline: Pipeline, shop: Shop) -> None:
    strict = pipeline.config.model_copy(update={"slots": SlotsConfig(consumable_rate=1.0)})
    pipeline = replace(pipeline, config=strict)
    once = sellable(pipeline, shop, 1)[0]
    query = {"as_of": shop.end, "history": events(BUY, [once]), "why_not": once}
    home = pipeline.recommend(Query(**query, slot="home"))
    assert once not in home.items
    assert (home.why_not.stage, home.counts["bought_recently"]) == ("bought_recently", 1)  # type: ignore[union-attr]
    assert once in pipeline.recommend(Query(**query)).items
    related = pipeline.recommend(Query(**query, slot="home", related=np.array([5], np.int32)))
    assert "bought_recently" not in related.counts


@pytest.mark.parametrize(("slot", "kind"), [("buy-again", BUY), ("continue", CART)])
def test_a_shelf_lists_all_of_the_shoppers_own_and_nothing_else(
    pipeline: Pipeline, shop: Shop, slot: Slot, kind: EventType
) -> None:
    mine = sellable(pipeline, shop, 12)
    history = events(kind, mine * 2, days=1.0)
    answer = pipeline.recommend(Query(as_of=shop.end, slot=slot, history=history))
    assert sorted(answer.items.tolist()) == mine
    assert answer.notices == ("short_list",)
    assert answer.fallback_used is None
    assert {(reason.code, reason.source_item in mine) for reason in answer.reasons} == {
        ("bought_before" if slot == "buy-again" else "viewed_before", True)
    }
    assert answer.scores.tolist() == sorted(answer.scores.tolist(), reverse=True)
    assert sum(answer.counts.values()) == len(shop.items)
    cut = pipeline.recommend(Query(as_of=shop.end, slot=slot, history=history, num=5))
    assert cut.items.tolist() == answer.items[:5].tolist()


@pytest.mark.parametrize(("slot", "stage"), [("buy-again", "never_bought"), ("continue", "not_browsed")])
def test_an_empty_shelf_is_an_honest_answer(pipeline: Pipeline, shop: Shop, slot: Slot, stage: str) -> None:
    filtered = parse("price >= 0")
    for more in ({}, {"filter": filtered}, {"attributes": shop.users[0].attributes}):
        answer = pipeline.recommend(
            Query(as_of=shop.end, slot=slot, why_not=sellable(pipeline, shop, 1)[0], **more)
        )
        assert (len(answer.items), answer.notices, answer.fallback_used) == (0, ("short_list",), None)
        assert answer.why_not is not None
        assert answer.why_not.stage == stage


def test_a_filter_that_empties_a_shelf_is_named(pipeline: Pipeline, shop: Shop) -> None:
    history = events(CART, sellable(pipeline, shop, 3))
    answer = pipeline.recommend(
        Query(as_of=shop.end, slot="continue", history=history, filter=parse("price < 0"))
    )
    assert answer.notices == ("empty_by_filter",)


def test_a_sold_out_item_stands_on_no_shelf(pipeline: Pipeline, shop: Shop) -> None:
    gone = int(np.flatnonzero(~pipeline.catalogue.eligible(shop.end))[0])
    history = events(CART, [gone, *sellable(pipeline, shop, 1)])
    answer = pipeline.recommend(Query(as_of=shop.end, slot="continue", history=history, why_not=gone))
    assert gone not in answer.items
    assert answer.why_not is not None
    assert answer.why_not.stage == "ineligible"
