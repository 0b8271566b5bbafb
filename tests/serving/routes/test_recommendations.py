"""Lists over HTTP, on a real release."""

from typing import Any

import pytest

from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.ranking.feature_log import FEATURES_DIGEST, unpack
from recsys.ranking.features import FEATURES
from recsys.types import EVENT_CODES, EventType
from serving.lists.texts import reason_text
from serving.times import now_ms

VIEW = EVENT_CODES[EventType.VIEW]


def eligible(api: Any) -> set[str]:
    catalogue = api.resources.releases.current().pipeline.catalogue
    flags = catalogue.eligible(0)
    return {item_id for item_id, flag in zip(catalogue.vocabulary.ids, flags, strict=True) if flag}


def in_group(api: Any, name: str, count: int) -> list[str]:
    return [item.item_id for item in api.made.shop.items if item.item_id.startswith(name)][:count]


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "KNOWN"},
        {"user_id": "nobody-ever-heard-of"},
        {"session_id": "s1", "events": [{"type": "view", "item_id": "mug/0001"}]},
        {"session_id": "s2"},
        {},
        {"slot": "cart", "item_ids": ["mug/0001", "mug/0002", "lamp/0001", "tea/0001", "shoe/0001"]},
        {"slot": "detail", "item_ids": ["mug/0001"]},
        {"item_ids": ["no-such-item"], "exclude_ids": ["no-such-item"]},
        {"events": [{"type": "view", "item_id": "no-such-item"}]},
    ],
)
def test_everybody_gets_twenty_distinct_eligible_items(api: Any, body: dict[str, Any]) -> None:
    if body.get("user_id") == "KNOWN":
        body = {"user_id": api.made.shopper}
    items = api.items(**body)
    assert len(items) == 20
    assert len(set(items)) == 20
    assert set(items) <= eligible(api)


def test_an_answer_says_where_it_comes_from(api: Any) -> None:
    answer = api.recommend(user_id="u1", slot="detail", num=3).json()
    assert answer["slot"] == "detail"
    assert answer["model"] == {"name": "small-shop", "version": api.made.release_id}
    freshness = answer["freshness"]
    assert freshness["release_id"] == api.made.release_id
    assert freshness["release_age_s"] >= 60
    assert freshness["events_lag_ms"] == 0
    assert freshness["rules_version"] is None
    assert answer["experiment"] is None
    assert answer["degraded"] == []
    assert answer["fallback_used"] == "trending"
    assert [item["position"] for item in answer["items"]] == [1, 2, 3]


def test_the_events_of_a_session_alone_give_the_list_of_that_history(api: Any) -> None:
    given = [
        ("mug/0001", 1_770_000_000_000),
        ("mug/0002", 1_770_000_060_000),
        ("tea/0003", 1_770_000_120_000),
    ]
    events = [{"type": "view", "item_id": item_id, "timestamp": at} for item_id, at in given]
    pipeline: Pipeline = api.resources.releases.current().pipeline
    answer = api.recommend(events=events, num=50).json()
    entries = [(item_id, VIEW, at) for item_id, at in given]
    as_of = api.resources.recommender._clock()
    history = History.of(entries, pipeline.vocabulary, as_of, 500)
    expected = pipeline.recommend(Query(history=history, num=50, as_of=as_of))
    assert [item["item_id"] for item in answer["items"]] == pipeline.vocabulary.decode(expected.items)
    assert answer["fallback_used"] is None


def test_an_event_without_a_time_and_one_from_a_clock_ahead_count_now(api: Any) -> None:
    plain = api.items(events=[{"type": "view", "item_id": "mug/0001"}])
    ahead = api.resources.recommender._clock() + 600_000
    early = api.items(events=[{"type": "view", "item_id": "mug/0001", "timestamp": ahead}])
    assert plain == early
    assert plain != api.items()


def test_a_stored_event_changes_the_next_list_at_once(api: Any) -> None:
    before = api.items(user_id="changes")
    event = {
        "event_id": "c1",
        "type": "cart",
        "user_id": "changes",
        "item_id": "tea/0001",
        "timestamp": 1_790_000_000_000,
    }
    assert api.call("POST", "/v1/events", json={"events": [event]}).json()["accepted"] == 1
    after = api.recommend(user_id="changes").json()
    assert [item["item_id"] for item in after["items"]] != before
    assert after["fallback_used"] is None
    assert "tea/0001" in {item["reason"]["source_item_id"] for item in after["items"]}


def test_home_is_the_default_and_shows_four_seen_items_of_twenty(api: Any) -> None:
    seen = in_group(api, "mug", 12)
    looked = {"events": [{"type": "view", "item_id": item} for item in seen]}
    home, anywhere = api.items(**looked), api.items(slot="any", **looked)
    assert len(home) == len(anywhere) == 20
    assert len(set(home) & set(seen)) <= 4 < len(set(anywhere) & set(seen))
    assert api.items(slot="home", **looked) == home
    assert api.items(slot="detail", **looked) == anywhere
    related = {"item_ids": ["mug/0001"], **looked}
    assert api.items(slot="home", **related) == api.items(slot="any", **related)


def test_the_continue_slot_shows_what_was_begun_and_nothing_else(api: Any) -> None:
    first, second, third = in_group(api, "mug", 3)
    kinds = {first: "cart", second: "view", third: "purchase"}
    events = [{"type": kind, "item_id": item, "timestamp": 1_790_000_000_000} for item, kind in kinds.items()]
    answer = api.recommend(slot="continue", events=events, why_not=third).json()
    assert [item["item_id"] for item in answer["items"]] == [first, second]
    assert {item["reason"]["code"] for item in answer["items"]} == {"viewed_before"}
    assert (answer["notices"], answer["fallback_used"]) == (["short_list"], None)
    assert answer["why_not"]["stage"] == "not_browsed"
    nothing = api.recommend(slot="continue").json()
    assert (nothing["items"], nothing["notices"], nothing["fallback_used"]) == ([], ["short_list"], None)


def test_the_same_seed_gives_the_same_list(api: Any) -> None:
    body = {"user_id": api.made.shopper, "seed": 7, "diversity": 0.5}
    assert api.items(**body) == api.items(**body)


def test_a_filter_that_leaves_three_items_gives_three_and_a_notice(api: Any) -> None:
    three = sorted(eligible(api))[:3]
    names = ", ".join(f'"{item_id}"' for item_id in three)
    answer = api.recommend(filter=f"item_id in ({names})").json()
    assert sorted(item["item_id"] for item in answer["items"]) == three
    assert answer["notices"] == ["short_list"]


def test_a_filter_that_leaves_nothing_gives_an_empty_list_and_a_notice(api: Any) -> None:
    answer = api.recommend(filter='brand = "nobody"')
    assert answer.status_code == 200
    assert answer.json()["items"] == []
    assert answer.json()["notices"] == ["empty_by_filter"]


def test_a_filter_reads_category_price_tags_and_the_shopper(api: Any) -> None:
    answer = api.recommend(
        filter='category under "家居 > 灯具" and price < 50 and not "vegan" in tags', return_items=True
    )
    items = answer.json()["items"]
    assert items
    for item in items:
        assert item["attributes"]["category"] == "家居 > 灯具 > 台灯"
        assert item["attributes"]["price"] < 50
        assert "vegan" not in item["attributes"].get("tags", [])
    api.call("PUT", "/v1/users/likes-lamps", "ingest", json={"attributes": {"interest": "lamp"}})
    lamps = {"filter": 'user.interest = "lamp" and category under "家居"'}
    assert api.items(user_id="likes-lamps", **lamps)
    assert api.items(user_id="likes-nothing", **lamps) == []


def test_excluded_items_stay_away_and_boosted_ones_come_first(api: Any) -> None:
    first = api.items(num=5)
    assert set(api.items(exclude_ids=first[:2])).isdisjoint(first[:2])
    boosted = api.recommend(
        boost=[{"filter": 'category under "Sport"', "factor": 100.0}], num=5, return_items=True
    )
    assert {item["attributes"]["category"] for item in boosted.json()["items"]} == {"Sport > Running > Shoes"}


def test_related_lists_never_hold_the_items_they_are_related_to(api: Any) -> None:
    cart = in_group(api, "mug", 3)
    assert set(api.items(item_ids=cart, num=100)).isdisjoint(cart)


def test_unknown_related_items_are_told(api: Any) -> None:
    assert "unknown_item_ids" in api.recommend(item_ids=["no-such-item"]).json()["notices"]


def test_titles_and_reasons_come_in_the_language_asked_for(api: Any) -> None:
    body = {
        "events": [{"type": "purchase", "item_id": "tea/0001"}],
        "return_items": True,
        "num": 5,
        "slot": "any",
    }
    chinese, english = (api.recommend(language=tag, **body).json()["items"] for tag in ("zh-CN", "en"))
    assert [item["item_id"] for item in chinese] == [item["item_id"] for item in english]
    assert "茶叶" in chinese[0]["attributes"]["title"]
    assert "Tea" in english[0]["attributes"]["title"]
    titles = {item.item_id: item.titles for item in api.made.shop.items}
    for item, language in [(chinese[0], "zh"), (english[0], "en")]:
        code, source = item["reason"]["code"], item["reason"]["source_item_id"]
        assert source == "tea/0001"
        assert item["reason"]["text"] == reason_text(code, language, titles[source][language])


def test_attributes_are_those_asked_for_and_cost_only_by_name(api: Any) -> None:
    assert api.recommend(num=1).json()["items"][0]["attributes"] == {}
    usual = api.recommend(num=1, return_items=True).json()["items"][0]["attributes"]
    assert {"title", "price", "category", "available"} <= usual.keys()
    assert "cost" not in usual
    named = api.recommend(num=1, fields=["cost", "attributes.颜色"]).json()["items"][0]["attributes"]
    assert named.keys() == {"cost", "attributes.颜色"}


def test_the_sku_is_an_offer_of_the_item_that_can_be_bought(api: Any) -> None:
    offers = {item.item_id: [offer.sku for offer in item.offers] for item in api.made.shop.items}
    for item in api.recommend().json()["items"]:
        assert item["sku"] in offers[item["item_id"]]


def test_an_explained_list_tells_what_each_source_proposed_and_how_it_searched(api: Any) -> None:
    events = [{"type": "view", "item_id": "mug/0001"}]
    plain, one, all_of_it = (
        api.recommend(events=events, explain=explain, filter=text).json()
        for explain, text in ((False, None), (True, 'item_id = "mug/0002"'), (True, None))
    )
    assert "sources" not in plain
    assert set(one["sources"]) == set(all_of_it["sources"]) > {"own", "taste", "trending"}
    assert one["sources"]["taste"]["search"] == "exact"
    assert 0 < one["sources"]["taste"]["share"] < 0.1 < all_of_it["sources"]["taste"]["share"] <= 1
    assert one["sources"]["own"] == {"proposed": 0, "search": None, "share": None}
    assert one["sources"]["taste"]["proposed"] == 1 < all_of_it["sources"]["taste"]["proposed"]
    ranked = [rank for item in all_of_it["items"] for rank in item["trace"]["source_ranks"].items()]
    assert all(rank <= all_of_it["sources"][name]["proposed"] for name, rank in ranked)


def test_metrics_tell_what_each_source_proposed(api: Any) -> None:
    value = api.resources.metrics.registry.get_sample_value

    def told(name: str) -> dict[str, float]:
        names = (*api.recommend(explain=True).json()["sources"], "union")
        return {source: value(f"recsys_candidates_{name}", {"source": source}) for source in names}

    told("sum")
    before = {name: told(name) for name in ("sum", "count")}
    sources = api.recommend(explain=True, events=[{"type": "view", "item_id": "mug/0001"}]).json()["sources"]
    after = {name: value(f"recsys_candidates_{name}", {"source": "together"}) for name in ("sum", "count")}
    # Each call of `told` asks for a list of nobody, which "together" has nothing for.
    assert after["sum"] - before["sum"]["together"] == sources["together"]["proposed"] > 0
    assert after["count"] - before["count"]["together"] == 1


def test_an_explained_list_has_a_trace_for_each_item(api: Any) -> None:
    items = api.recommend(events=[{"type": "view", "item_id": "mug/0001"}], explain=True).json()["items"]
    assert all(item["trace"]["score"] == pytest.approx(item["score"]) for item in items)
    assert any(item["trace"]["source_ranks"] for item in items)
    assert "trace" not in api.recommend().json()["items"][0]


def test_why_not_names_the_stage_that_dropped_an_item_and_the_counts_add_up(api: Any) -> None:
    answer = api.recommend(why_not="mug/0001", filter='category under "Sport"').json()["why_not"]
    assert answer["item_id"] == "mug/0001"
    assert answer["stage"] == "filtered"
    assert sum(answer["counts"].values()) == len(api.made.shop.items)
    assert api.recommend(why_not="no-such").json()["why_not"]["stage"] == "unknown_item"
    assert "why_not" not in api.recommend().json()


def test_without_personalization_everybody_gets_the_same_list(api: Any) -> None:
    shopper = {"user_id": api.made.shopper, "events": [{"type": "cart", "item_id": "mug/0001"}]}
    assert api.items(personalization="none", **shopper) == api.items()


def test_session_personalization_reads_the_session_and_not_the_user(api: Any) -> None:
    rows = [
        {
            "event_id": "sp1",
            "type": "cart",
            "user_id": "sp-user",
            "item_id": "tea/0001",
            "timestamp": 1_790_000_000_000,
        },
        {
            "event_id": "sp2",
            "type": "cart",
            "session_id": "sp-session",
            "item_id": "mug/0001",
            "timestamp": 1_790_000_000_000,
        },
    ]
    assert api.call("POST", "/v1/events", json=rows).json()["accepted"] == 2
    ids = {"user_id": "sp-user", "session_id": "sp-session"}
    assert api.items(personalization="session", **ids) == api.items(session_id="sp-session")
    assert api.items(**ids) != api.items(session_id="sp-session")
    assert api.items(personalization="session", user_id="sp-user") == api.items()


def test_a_shopper_who_refused_gets_the_list_of_a_stranger(api: Any) -> None:
    event = {
        "event_id": "r1",
        "type": "cart",
        "user_id": "refuser",
        "item_id": "tea/0001",
        "timestamp": 1_790_000_000_000,
    }
    api.call("POST", "/v1/events", json=[event])
    assert api.items(user_id="refuser") != api.items()
    api.call("PATCH", "/v1/users/refuser", "ingest", json={"consent": {"personalize": False}})
    assert api.items(user_id="refuser") == api.items()


def test_rather_than_a_list_older_than_the_caller_wants_there_is_a_reason(api: Any) -> None:
    refused = api.recommend(max_staleness_s=1)
    assert (refused.status_code, refused.json()["code"]) == (503, "too_stale")
    assert api.made.release_id in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) >= 1
    assert api.recommend(max_staleness_s=86_400).json()["degraded"] == []


def test_every_answer_is_followed_by_one_served_event(api: Any, online: Any) -> None:
    answer = api.recommend(user_id="served-to", slot="home", num=5, context={"channel": "app"}).json()
    api.recommend(user_id="served-to", dry_run=True)
    api.settle()
    served = [event for _, event in online.read_stream("0", 10_000) if event.user_id == "served-to"]
    assert [event.type for event in served] == [EventType.SERVED]
    event = served[0]
    assert event.event_id == event.recomm_id == answer["recomm_id"]
    assert (event.slot, event.channel) == ("home", "app")
    assert event.detail is not None
    assert event.detail["release_id"] == api.made.release_id
    shown = event.detail["items"]
    assert [row["item_id"] for row in shown] == [item["item_id"] for item in answer["items"]]
    assert {row["propensity"] for row in shown} == {1.0}
    assert [row["position"] for row in shown] == [1, 2, 3, 4, 5]
    assert set(event.detail["not_shown"]).isdisjoint(row["item_id"] for row in shown)
    assert len(event.detail["state"]) == 16
    assert event.detail["features"] is None  # nothing was known of the shopper, so nothing is learned


def test_a_served_event_keeps_what_the_ranker_saw(api: Any, online: Any) -> None:
    shopper = api.made.shopper
    viewed = {"item_id": api.made.shop.items[3].item_id, "type": "view", "event_id": "for-features"}
    api.call("POST", "/v1/events", json={"events": [{**viewed, "user_id": shopper, "timestamp": now_ms()}]})
    answer = api.recommend(user_id=shopper, slot="home", num=20, context={"channel": "features"}).json()
    api.settle()
    stream = [event for _, event in online.read_stream("0", 10_000)]
    (event,) = [event for event in stream if event.recomm_id == answer["recomm_id"]]
    features = event.detail["features"]
    assert features["digest"] == FEATURES_DIGEST
    assert len(features["rows"]) <= 3_072
    assert features["places"] == sorted(set(features["places"]))
    matrix = unpack(features["rows"], len(features["places"]))
    listed = [*(row["item_id"] for row in event.detail["items"]), *event.detail["not_shown"]]
    logged = [listed[place] for place in features["places"]]
    own = matrix[FEATURES.index("own_events")]
    assert [item for item, events in zip(logged, own, strict=True) if events] == [viewed["item_id"]]


def test_no_features_are_kept_where_none_are_wanted(api: Any, open_api: Any) -> None:
    settings = api.resources.settings.model_copy(update={"feature_log_per_s": 0.0, "namespace": "unlogged"})
    api = open_api(settings=settings)
    body = {"events": [{"item_id": api.made.shop.items[3].item_id, "type": "view"}], "user_id": "unlogged"}
    assert api.recommend(**body).status_code == 200
    api.settle()
    stream = [event for _, event in api.resources.stores.online.read_stream("0", 100)]
    assert [event.detail["features"] for event in stream if event.user_id == "unlogged"] == [None]
