"""Scenario halls over HTTP."""

from typing import Any

import pytest

from serving.control.scenarios import Scenario, ScenarioRepository
from serving.times import now_ms

GOLD = {
    "slug": "gold-hall",
    "title": {"en": "For gold members", "zh": "黄金会员馆"},
    "copy": {"en": "Only for you.", "zh": "只为您。"},
    "audience": 'user.level = "gold"',
    "shelves": [
        {"name": {"en": "Lamps", "zh": "灯具"}, "filter": 'category under "家居"', "size": 4},
        {"name": {"en": "Cheap", "zh": "实惠"}, "strategy": "trending", "filter": "price < 30", "size": 6},
        {"name": {"en": "Nothing here", "zh": "空"}, "filter": 'brand = "nobody"', "size": 4, "min_items": 1},
        {"name": {"en": "Your regulars", "zh": "您的常购"}, "strategy": "buy_again", "size": 5},
        {"name": {"en": "For you", "zh": "为您精选"}, "size": 10},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def gold_hall(api: Any) -> None:
    halls = ScenarioRepository(api.resources.stores.database, now_ms)
    halls.put(Scenario.model_validate(GOLD), actor="test")
    api.resources.scenarios._scenarios._snapshot.refresh()


def hall(api: Any, query: str = "", slug: str = "gold-hall", key: str = "storefront", **more: Any) -> Any:
    answer = api.call("GET", f"/v1/scenarios/{slug}{query}", key, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_no_item_stands_twice_on_a_page_and_positions_count_through_it(api: Any) -> None:
    page = hall(api, f"?user_id={api.made.shopper}")
    items = [item for shelf in page["shelves"] for item in shelf["items"]]
    names = [item["item_id"] for item in items]
    assert len(names) == len(set(names)) >= 15
    assert [item["position"] for item in items] == list(range(1, len(items) + 1))


def test_shelves_hold_what_their_filters_keep(api: Any) -> None:
    page = hall(api, "?return_items=true")
    shelves = {shelf["name"]: shelf["items"] for shelf in page["shelves"]}
    assert len(shelves["Lamps"]) == 4
    assert all(item["attributes"]["category"].startswith("家居") for item in shelves["Lamps"])
    assert all(item["attributes"]["price"] < 30 for item in shelves["Cheap"])


def test_a_shelf_without_enough_items_is_left_out(api: Any) -> None:
    names = [shelf["name"] for shelf in hall(api, "?session_id=stranger")["shelves"]]
    assert names == ["Lamps", "Cheap", "For you"]


def test_buy_again_shows_only_what_the_shopper_had(api: Any) -> None:
    rows = [
        {
            "event_id": f"ba{n}",
            "type": "purchase",
            "user_id": "regular",
            "item_id": f"tea/{n:04d}",
            "timestamp": 1_790_000_000_000 + n,
        }
        for n in range(3)
    ]
    assert api.call("POST", "/v1/events", json=rows).json()["accepted"] == 3
    shelves = {shelf["name"]: shelf["items"] for shelf in hall(api, "?user_id=regular")["shelves"]}
    held = {item["item_id"] for item in shelves.get("Your regulars", [])}
    assert held <= {"tea/0000", "tea/0001", "tea/0002"}
    looked = {"type": "view", "item_id": "mug/0003"}
    asked = {"slot": "buy-again", "user_id": "regular", "events": [looked]}
    answer = api.recommend(**asked).json()
    bought = {item["item_id"] for item in answer["items"]}
    assert held <= bought <= {"tea/0000", "tea/0001", "tea/0002"}
    assert answer["notices"] == ["short_list"]


def test_words_come_in_the_language_asked_for(api: Any) -> None:
    page = hall(api, "?language=zh")
    assert (page["title"], page["copy"]) == ("黄金会员馆", "只为您。")
    assert page["shelves"][0]["name"] == "灯具"
    assert hall(api, "?language=fr")["title"] == "For gold members"


def test_halls_are_listed_for_the_shopper_they_are_for(api: Any) -> None:
    api.call("PUT", "/v1/users/golden", "ingest", json={"attributes": {"level": "gold"}})

    def slugs(query: str) -> list[str]:
        return [head["slug"] for head in api.call("GET", f"/v1/scenarios{query}").json()["scenarios"]]

    assert slugs("?user_id=golden") == ["weekend-kitchen", "tonights-dinner", "gold-hall"]
    assert slugs("") == ["weekend-kitchen", "tonights-dinner"]


def test_a_hall_is_one_served_event(api: Any, online: Any) -> None:
    page = hall(api, "?user_id=hall-visitor")
    hall(api, "?user_id=hall-visitor&dry_run=true")
    api.settle()
    served = [event for _, event in online.read_stream("0", 10_000) if event.user_id == "hall-visitor"]
    assert [event.recomm_id for event in served] == [page["recomm_id"]]
    assert served[0].slot == "scenario:gold-hall"
    assert len(served[0].detail["items"]) == sum(len(shelf["items"]) for shelf in page["shelves"])


def test_seeded_halls_keep_their_last_shelf_in_any_shop(api: Any) -> None:
    for slug in ("weekend-kitchen", "tonights-dinner"):
        page = hall(api, f"?user_id={api.made.shopper}", slug)
        assert page["title"] and page["copy"]
        assert page["shelves"][-1]["items"]


def test_a_browser_sees_a_hall_only_for_its_own_shopper(api: Any) -> None:
    assert api.call("GET", "/v1/scenarios/gold-hall?user_id=u", "browser").status_code == 403
    assert hall(api, "?user_id=u", key="browser", shopper="u")["shelves"]
    assert hall(api, key="browser")["shelves"]


def test_a_browser_is_not_told_whom_a_hall_is_for(api: Any) -> None:
    assert hall(api)["audience"] == 'user.level = "gold"'
    assert hall(api, key="browser")["audience"] is None
    heads = api.call("GET", "/v1/scenarios?user_id=golden", "browser", shopper="golden").json()["scenarios"]
    assert {head["audience"] for head in heads} == {None}
