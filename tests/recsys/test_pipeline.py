"""The pipeline gives good, explained, complete lists, and never loses an item on the way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.expressions import parse
from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import SLOTS, Query
from recsys.ranking.features import FEATURES
from recsys.reading import Reading
from recsys.rules import item_mask
from recsys.testing import Shop, build_shop
from recsys.train import fit_release
from recsys.types import EVENT_CODES, EventType

NONE = np.empty(0, np.int32)
CONFIG = ReleaseConfig.model_validate({"ranker": {"trees": 20, "queries": 800, "queries_per_shopper": 5}})
"""A ranker from few questions: enough for an order, in a tenth of the time."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=5)


@pytest.fixture(scope="module")
def pipeline(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("release")
    attributes = {user.user_id: user.attributes for user in shop.users}
    fit_release(shop.interactions, shop.items, attributes, CONFIG, folder, seed=1)
    return Pipeline.load(folder)


def history_of(shop: Shop, user: int) -> History:
    rows = next(shop.interactions.per_user([user]))
    return History(shop.interactions.item[rows], shop.interactions.type[rows], shop.interactions.time[rows])


def codes(*items: int) -> np.ndarray:
    return np.array(items, np.int32)


def group_share(shop: Shop, items: np.ndarray, group: int) -> float:
    return float((shop.planted.item_group[items] == group).mean())


def test_new_items_of_the_shoppers_own_community_fill_the_list(pipeline: Pipeline, shop: Shop) -> None:
    shares = []
    for user in range(0, 300, 10):
        history = history_of(shop, user)
        answer = pipeline.recommend(Query(as_of=shop.end, history=history, exclude=history.items, num=10))
        shares.append(group_share(shop, answer.items, int(shop.planted.user_group[user])))
    assert np.mean(shares) > 0.6


def test_a_visit_is_over_when_the_release_knows_later_times_or_the_shopper_asks_later(
    pipeline: Pipeline, shop: Shop
) -> None:
    def opens_visit(first: int, asked_at: int = 0) -> bool:
        items, kinds = codes(1, 2), np.array([EVENT_CODES[EventType.VIEW]] * 2, np.int8)
        history = History(items, kinds, np.array([first, first + 60_000], np.int64))
        _, matrix, _ = pipeline.candidates(Query(as_of=shop.end, history=history, asked_at=asked_at))
        return bool(matrix[FEATURES.index("opens_visit")].all())

    assert opens_visit(shop.start)
    assert not opens_visit(shop.end)
    assert not opens_visit(shop.end, shop.end + 30 * 60_000)
    assert opens_visit(shop.end, shop.end + 32 * 60_000)


def test_a_returned_item_is_no_reason_to_see_it_again(pipeline: Pipeline, shop: Shop) -> None:
    kinds = [EVENT_CODES[kind] for kind in (EventType.PURCHASE, EventType.RETURN)]
    history = History(codes(4, 4), np.array(kinds, np.int8), np.array([1000, 2000], np.int64))
    answer = pipeline.recommend(Query(as_of=shop.end, history=history))
    assert answer.fallback_used == "trending"


def test_an_event_changes_the_next_list(pipeline: Pipeline, shop: Shop) -> None:
    before = pipeline.recommend(Query(as_of=shop.end))
    viewed = History(
        codes(50), np.array([EVENT_CODES[EventType.VIEW]], np.int8), np.array([shop.end], np.int64)
    )
    after = pipeline.recommend(Query(as_of=shop.end, history=viewed))
    assert after.items.tolist() != before.items.tolist()
    assert after.items[0] == 50
    assert (before.fallback_used, after.fallback_used) == ("trending", None)


def test_attributes_alone_give_another_list_than_nothing(pipeline: Pipeline, shop: Shop) -> None:
    attributes = shop.users[0].attributes
    plain = pipeline.recommend(Query(as_of=shop.end))
    known = pipeline.recommend(Query(as_of=shop.end, attributes=attributes))
    assert known.items.tolist() != plain.items.tolist()
    assert known.fallback_used == "segment"
    assert {reason.code for reason in known.reasons} <= {"segment", "trending"}


def test_session_personalization_ignores_attributes_and_none_ignores_the_shopper(
    pipeline: Pipeline, shop: Shop
) -> None:
    everything = {"history": history_of(shop, 4), "attributes": shop.users[4].attributes}
    plain = pipeline.recommend(Query(as_of=shop.end))
    none = pipeline.recommend(Query(as_of=shop.end, personalization="none", **everything))
    session = pipeline.recommend(Query(as_of=shop.end, personalization="session", **everything))
    without = pipeline.recommend(Query(as_of=shop.end, history=everything["history"]))
    assert none.items.tolist() == plain.items.tolist()
    assert session.items.tolist() == without.items.tolist()


def test_related_items_come_from_the_group_of_the_page_and_leave_the_page_out(
    pipeline: Pipeline, shop: Shop
) -> None:
    for item in range(0, len(shop.items), 17):
        answer = pipeline.recommend(Query(as_of=shop.end, related=codes(item), num=6))
        assert item not in answer.items
        assert group_share(shop, answer.items, int(shop.planted.item_group[item])) > 0.5


def test_an_unknown_page_falls_back_to_the_shopper_then_to_the_trend(pipeline: Pipeline, shop: Shop) -> None:
    mine = pipeline.recommend(Query(as_of=shop.end, related=NONE, history=history_of(shop, 1)))
    assert mine.fallback_used == "session"
    assert pipeline.recommend(Query(as_of=shop.end, related=NONE)).fallback_used == "trending"


def test_a_filter_that_leaves_three_gives_three_and_one_that_leaves_none_says_so(
    pipeline: Pipeline, shop: Shop
) -> None:
    sellable = np.flatnonzero(pipeline.catalogue.eligible(shop.end))[10:13].tolist()
    three = " , ".join(f'"{shop.items[code].item_id}"' for code in sellable)
    query = Query(as_of=shop.end, history=history_of(shop, 0), filter=parse(f"item_id in ({three})"))
    answer = pipeline.recommend(query)
    assert sorted(answer.items.tolist()) == sellable
    assert answer.notices == ("short_list",)
    empty = pipeline.recommend(Query(as_of=shop.end, filter=parse("price < 0")))
    assert (len(empty.items), empty.notices) == (0, ("empty_by_filter",))


def test_a_boost_lifts_what_it_names(pipeline: Pipeline, shop: Shop) -> None:
    target = shop.items[0].category
    assert target is not None
    boosted = parse(f'category under "{target.split(" > ")[0]}"')
    mine = history_of(shop, 9)
    query = {"as_of": shop.end, "history": mine, "exclude": mine.items}
    before = pipeline.recommend(Query(**query))
    after = pipeline.recommend(Query(**query, boosts=((boosted, 50.0),)))
    group = int(shop.planted.item_group[0])
    assert group_share(shop, after.items, group) > group_share(shop, before.items, group)


def test_twenty_boosts_of_a_hundred_leave_finite_scores(pipeline: Pipeline, shop: Shop) -> None:
    boosts = ((parse("available"), 100.0),) * 20
    answer = pipeline.recommend(Query(as_of=shop.end, history=history_of(shop, 9), boosts=boosts))
    assert np.isfinite(answer.scores).all()


def test_diversity_spreads_a_list_over_more_categories(pipeline: Pipeline, shop: Shop) -> None:
    query = {"as_of": shop.end, "history": history_of(shop, 9), "num": 10}
    spread = [
        len(set(shop.planted.item_group[pipeline.recommend(Query(**query, diversity=dial)).items].tolist()))
        for dial in (0.0, 0.9)
    ]
    assert spread[1] > spread[0]


def test_a_shelf_may_ask_single_sources_and_refuse_to_be_filled(pipeline: Pipeline, shop: Shop) -> None:
    mine = history_of(shop, 2)
    again = pipeline.recommend(Query(as_of=shop.end, history=mine, sources=("own",), fill=False, num=200))
    assert set(again.items.tolist()) <= set(mine.items.tolist())
    nobody = pipeline.recommend(Query(as_of=shop.end, sources=("own",), fill=False))
    assert len(nobody.items) == 0


def test_a_sold_out_item_leaves_at_once_and_comes_back_when_restocked(shop: Shop, tmp_path: Path) -> None:
    from dataclasses import replace

    attributes = {user.user_id: user.attributes for user in shop.users}
    fit_release(shop.interactions, shop.items, attributes, CONFIG, tmp_path, seed=1)
    own = Pipeline.load(tmp_path)
    query = Query(as_of=shop.end, history=history_of(shop, 0))
    first = int(own.recommend(query).items[0])
    item = shop.items[first]
    own.catalogue.update(replace(item, offers=tuple(replace(offer, stock=0.0) for offer in item.offers)))
    assert first not in own.recommend(query).items
    own.catalogue.update(item)
    assert own.recommend(query).items[0] == first


def test_an_answer_tells_what_each_source_proposed(pipeline: Pipeline, shop: Shop) -> None:
    query = Query(as_of=shop.end, history=history_of(shop, 0), explain=True, num=5)
    answer = pipeline.recommend(query)
    assert list(answer.proposed) == [source.name for source in pipeline.sources]
    assert answer.counts["shown"] <= sum(answer.proposed.values())
    assert set(answer.searched) == {"taste", "alike"}
    plain = pipeline.recommend(replace(query, explain=False, sources=("own", "trending")))
    assert list(plain.proposed) == ["own", "trending"]
    assert plain.searched == {}


def test_explain_names_sources_and_why_not_names_the_stage(pipeline: Pipeline, shop: Shop) -> None:
    query = Query(as_of=shop.end, history=history_of(shop, 0), explain=True, num=5)
    answer = pipeline.recommend(query)
    assert len(answer.traces) == 5
    assert all(trace.source_ranks for trace in answer.traces)
    cases = {
        "shown": int(answer.items[2]),
        "ranked_below": int(answer.not_shown[0]),
        "excluded": 77,
        "filtered": 78,
    }
    for stage, item in cases.items():
        asked = Query(
            as_of=shop.end,
            history=query.history,
            num=5,
            why_not=item,
            exclude=codes(77) if stage == "excluded" else NONE,
            filter=parse(f'not item_id in ("{shop.items[78].item_id}")') if stage == "filtered" else None,
        )
        found = pipeline.recommend(asked).why_not
        assert found is not None and found.stage == stage


def test_the_reason_is_the_source_that_added_most(pipeline: Pipeline, shop: Shop) -> None:
    history = History(
        codes(50), np.array([EVENT_CODES[EventType.PURCHASE]], np.int8), np.array([5], np.int64)
    )
    answer = pipeline.recommend(Query(as_of=shop.end, history=history))
    own = answer.reasons[answer.items.tolist().index(50)]
    assert (own.code, own.source_item) == ("bought_before", 50)
    related = pipeline.recommend(Query(as_of=shop.end, related=codes(50), num=3))
    assert {reason.code for reason in related.reasons} <= {"together", "alike"}
    assert {reason.source_item for reason in related.reasons} == {50}


def test_every_list_of_a_batch_equals_the_list_asked_alone(pipeline: Pipeline, shop: Shop) -> None:
    queries = [Query(as_of=shop.end, history=history_of(shop, user)) for user in range(12)]
    batch = [pipeline.recommend(query).items.tolist() for query in queries]
    alone = [pipeline.recommend(query).items.tolist() for query in reversed(queries)]
    assert batch == alone[::-1]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_query_gives_distinct_allowed_items_and_accounts_for_the_whole_catalogue(
    data: st.DataObject, pipeline: Pipeline, shop: Shop
) -> None:
    size = len(shop.items)
    events = data.draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, 15)), max_size=30))
    history = History(
        np.array([item for item, _ in events], np.int32),
        np.array([kind for _, kind in events], np.int8),
        np.arange(len(events), dtype=np.int64),
    )
    excluded = np.array(data.draw(st.lists(st.integers(0, size - 1), max_size=size)), np.int32)
    related = data.draw(st.none() | st.lists(st.integers(0, size - 1), max_size=5))
    query = Query(
        as_of=shop.end,
        history=history,
        exclude=excluded,
        related=None if related is None else np.array(related, np.int32),
        num=data.draw(st.integers(1, 200)),
        slot=data.draw(st.sampled_from(SLOTS)),
        diversity=data.draw(st.floats(0, 1)),
        filter=data.draw(st.none() | st.sampled_from([parse("price > 10"), parse("price is null")])),
    )
    answer = pipeline.recommend(query)
    shown = answer.items.tolist()
    assert len(set(shown)) == len(shown) <= query.num
    assert not set(shown) & set(excluded.tolist())
    assert sum(answer.counts.values()) == size
    assert len(answer.reasons) == len(answer.scores) == len(shown)
    # Never short while an item that may be shown is left.
    left = ("not_proposed", "ranked_below", "seen_before")
    assert len(shown) == min(query.num, len(shown) + sum(answer.counts.get(name, 0) for name in left))
    assert len(answer.notices) == (len(shown) < query.num)


def test_the_buckets_of_any_query_are_those_of_the_masks_one_after_another(
    pipeline: Pipeline, shop: Shop
) -> None:
    """Counted from the few items that a request names, and equal to passing over the whole catalogue."""
    generator, size = np.random.default_rng(4), len(shop.items)
    filters = [None, parse("price > 10"), parse("price < 0"), parse('"vegan" in tags')]
    for number in range(200):
        chosen = filters[number % len(filters)]
        query = Query(
            as_of=shop.end,
            history=history_of(shop, int(generator.integers(300))),
            slot=SLOTS[int(generator.integers(len(SLOTS)))],
            exclude=generator.integers(0, size, generator.integers(0, 300)).astype(np.int32),
            filter=chosen,
        )
        answer = pipeline.recommend(query)
        left = pipeline.catalogue.eligible(shop.end)
        assert answer.counts["ineligible"] == size - left.sum()
        for name, mask in (
            ("excluded", np.isin(np.arange(size), query.exclude, invert=True)),
            ("filtered", left if chosen is None else item_mask(chosen, pipeline.catalogue, as_of=shop.end)),
        ):
            assert answer.counts.get(name, 0) == (left & ~mask).sum()
            left = left & mask
        assert left[answer.items].all()


def test_explain_knows_how_the_vectors_were_searched(pipeline: Pipeline, shop: Shop) -> None:
    taken = parse(f'item_id in ("{shop.items[0].item_id}", "{shop.items[1].item_id}")')
    for asked, searches in ((None, {"flat", "exact"}), (taken, {"exact"})):
        query = Query(as_of=shop.end, history=history_of(shop, 3), filter=asked)
        allowed = pipeline._gates(query, pipeline.reader.read(query)).allowed
        plans = pipeline._plans(query, allowed)
        assert set(plans) == {"taste", "alike"}
        assert {plan.search for plan in plans.values()} <= searches
        assert all(plan.share == pytest.approx(len(allowed) / len(shop.items)) for plan in plans.values())


def test_lists_of_one_page_are_the_lists_each_would_be_alone(pipeline: Pipeline, shop: Shop) -> None:
    cheap, dear = parse("price < 30"), parse("price >= 30")
    for user in range(0, 60, 5):
        page = Query(as_of=shop.end, history=history_of(shop, user), attributes=shop.users[user].attributes)
        shelves = [
            page,
            replace(page, filter=cheap, num=7),
            replace(page, slot="home", exclude=codes(1, 2, 3)),
            replace(page, sources=("trending",), fill=False),
            replace(page, slot="buy-again", sources=("own",)),
            replace(page, filter=dear, explain=True, diversity=0.3),
        ]
        reading = Reading()
        for shelf in shelves:
            together, alone = pipeline.recommend(shelf, reading=reading), pipeline.recommend(shelf)
            assert together.items.tolist() == alone.items.tolist()
            assert together.scores.tobytes() == alone.scores.tobytes()
            assert together.reasons == alone.reasons
            assert together.counts == alone.counts


def test_a_page_is_for_one_shopper(pipeline: Pipeline, shop: Shop) -> None:
    reading = Reading()
    page = Query(as_of=shop.end, history=history_of(shop, 1))
    pipeline.recommend(page, reading=reading)
    for other in (replace(page, history=history_of(shop, 2)), replace(page, personalization="none")):
        with pytest.raises(InputError, match="one shopper"):
            pipeline.recommend(other, reading=reading)
