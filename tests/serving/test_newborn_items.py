"""An item put after the release is listed, filtered, shown, explained and personalised by, in every process."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from recsys.types import Item
from serving.lists.listings import Ask
from serving.times import now_ms

WORDS = "全新 > 鲜品"


def until(holds: Callable[[], bool], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)


def put(api: Any, item_id: str, **body: Any) -> None:
    answer = api.call("PUT", f"/v1/items/{item_id}", "ingest", json=body)
    assert answer.status_code == 200, answer.text


def cold(api: Any) -> Item:
    """An item of the release without events: its vector is that of its words."""
    shop = api.made.shop
    return shop.items[int(shop.planted.cold[0])]  # type: ignore[no-any-return]


def like(item: Item) -> dict[str, Any]:
    return {
        "titles": dict(item.titles),
        "category": item.category,
        "brand": item.brand,
        "tags": list(item.tags),
        "price": 12.5,
    }


def test_a_newborn_is_listed_everywhere_an_item_is(api: Any) -> None:
    model = cold(api)
    put(api, "newborn", **like(model))
    related = {"session_id": "s1", "slot": "detail", "item_ids": [model.item_id], "num": 10}
    until(lambda: "newborn" in api.items(**related))
    assert "newborn" not in api.items(**related, exclude_ids=["newborn"])
    page = api.recommend(
        session_id="s1", slot="detail", item_ids=["newborn"], num=10, fields=["price"]
    ).json()
    assert model.item_id in [item["item_id"] for item in page["items"]]
    assert "unknown_item_ids" not in page["notices"]
    answer = api.recommend(**related, fields=["title", "price"], explain=True, key="admin").json()
    shown = next(item for item in answer["items"] if item["item_id"] == "newborn")
    assert shown["attributes"]["price"] == 12.5
    assert shown["attributes"]["title"] in model.titles.values()
    api.settle()


def test_a_filter_finds_a_newborn_and_what_is_hidden_is_gone(api: Any) -> None:
    put(api, "fresh-1", titles={"zh": "新品"}, category=WORDS, price=3.0)
    wanted = {"session_id": "s2", "filter": f'category under "{WORDS}"', "num": 5}
    until(lambda: api.items(**wanted) == ["fresh-1"])
    api.call("PATCH", "/v1/items/fresh-1", "ingest", json={"stock": 0})
    until(lambda: api.items(**wanted) == [])
    why = api.recommend("admin", **wanted, why_not="fresh-1").json()["why_not"]
    assert (why["stage"], sum(why["counts"].values())) == (
        "ineligible",
        len(api.resources.releases.current().pipeline.catalogue),
    )
    api.call("PATCH", "/v1/items/fresh-1", "ingest", json={"stock": 4})
    until(lambda: api.items(**wanted) == ["fresh-1"])
    api.call("DELETE", "/v1/items/fresh-1", "ingest")
    until(lambda: api.items(**wanted) == [])


def test_a_click_on_a_newborn_personalises_the_next_list(api: Any) -> None:
    model = cold(api)
    put(api, "clicked", **like(model))
    catalogue = api.resources.releases.current().pipeline.catalogue
    until(lambda: catalogue.vocabulary.code("clicked") >= 0)
    event = {
        "event_id": "e-click",
        "type": "view",
        "session_id": "s3",
        "item_id": "clicked",
        "timestamp": now_ms(),
    }
    assert api.call("POST", "/v1/events", json=[event]).status_code in (200, 202)
    answer = api.recommend(session_id="s3", slot="feed", num=10).json()
    assert answer["fallback_used"] is None
    shown = [str(item["item_id"]) for item in answer["items"]]
    alike = [item_id for item_id in shown if item_id.split("/")[0] == model.item_id.split("/")[0]]
    assert len(alike) > len(shown) / 2


def test_a_process_that_starts_later_knows_what_was_born_before(open_api: Any) -> None:
    first = open_api()
    put(first, "early", titles={"zh": "早"}, category=WORDS, price=3.0)
    put(first, "gone", titles={"zh": "去"}, category=WORDS, price=3.0)
    first.call("DELETE", "/v1/items/gone", "ingest")
    wanted = {"session_id": "s", "filter": f'category under "{WORDS}"', "num": 5}
    until(lambda: first.items(**wanted) == ["early"])
    resources, made = first.resources, first.made
    loaded = resources.releases._load(made.release_id)
    resources.feed.adopt(loaded.pipeline.live, changed_after=0)
    vocabulary = loaded.pipeline.vocabulary
    assert (vocabulary.code("early") >= 0, vocabulary.code("gone")) == (True, -1)
    put(first, "later", titles={"zh": "晚"}, category=WORDS, price=3.0)
    until(lambda: vocabulary.code("later") >= 0 and len(first.items(**wanted)) == 2)


def test_the_prepared_list_shows_nothing_that_was_taken_out_since_it_was_made(api: Any) -> None:
    prepared, catalogue = api.resources.prepared, api.resources.releases.current().pipeline.catalogue
    ask = Ask(session_id="s", num=10)
    before = prepared.listing(ask)
    first, second = before.items[0].item_id, before.items[1].item_id
    catalogue.remove(first)
    after = prepared.listing(ask)
    assert [item.item_id for item in after.items[:1]] == [second]
    assert (len(after.items), after.items[0].position) == (10, 1)
    catalogue.update(replace(api.made.shop.items[catalogue.vocabulary.code(first)]))
    assert prepared.listing(ask).items == before.items


def viewed(session: str, item_id: str, number: int) -> dict[str, Any]:
    return {
        "event_id": f"{session}-{number}",
        "type": "view",
        "session_id": session,
        "item_id": item_id,
        "timestamp": now_ms(),
    }


def test_first_events_place_a_newborn_whose_words_say_nothing(open_api: Any) -> None:
    api = open_api()
    put(api, "silent", titles={"en": "zzqx"}, price=5.0)
    pipeline = api.resources.releases.current().pipeline
    until(lambda: pipeline.vocabulary.code("silent") >= 0)
    shop = api.made.shop
    group = [item.item_id for item, of in zip(shop.items, shop.planted.item_group, strict=True) if of == 1]
    for shopper in range(4):
        seen = [*group[shopper : shopper + 3], "silent", "silent"]
        events = [viewed(f"first-{shopper}", item_id, n) for n, item_id in enumerate(seen)]
        assert api.call("POST", "/v1/events", json=events).status_code in (200, 202)
    api.resources.first_events.step()
    _, notes = api.resources.stores.online.company_since("0")
    assert [(note.item_id, len(note.others)) for note in notes] == [("silent", 3)] * 4
    related = {"session_id": "r", "slot": "detail", "item_ids": ["silent"], "num": 6}
    until(lambda: len(set(group) & set(api.items(**related))) > 3)
    # A process that starts later reads the same notes.
    again = api.resources.releases._load(api.made.release_id)
    api.resources.feed.adopt(again.pipeline.live, changed_after=0)
    api.resources.releases._loaded += (again,)
    api.resources.first_events.step()
    code, other = pipeline.vocabulary.code("silent"), again.pipeline.vocabulary.code("silent")
    mine, theirs = pipeline.table.vectors[code], again.pipeline.table.vectors[other]
    until(lambda: float(mine @ theirs) > 0.99)


def test_who_refuses_training_places_nothing(open_api: Any) -> None:
    api = open_api()
    put(api, "silent", titles={"en": "zzqx"}, price=5.0)
    vocabulary = api.resources.releases.current().pipeline.vocabulary
    until(lambda: vocabulary.code("silent") >= 0)
    shopper, known = api.made.shopper, api.made.shop.items[0].item_id
    answer = api.call("PUT", f"/v1/users/{shopper}", "ingest", json={"consent": {"train": False}})
    assert answer.status_code == 200
    events = [{**viewed("x", item_id, n), "user_id": shopper} for n, item_id in enumerate((known, "silent"))]
    assert api.call("POST", "/v1/events", "admin", json=events).status_code in (200, 202)
    api.resources.first_events.step()
    assert api.resources.stores.online.company_since("0")[1] == []
