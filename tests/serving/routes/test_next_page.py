"""Pages of one list never repeat an item, whichever id of the chain continues it."""

from typing import Any


def page(api: Any, recomm_id: str, key: str = "storefront", query: str = "", **more: Any) -> Any:
    return api.call("GET", f"/v1/recommendations/{recomm_id}/next{query}", key, **more)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def test_following_the_newest_id_shows_everything_once(api: Any) -> None:
    answer = api.recommend(user_id="scroller", num=20)
    shown = ids(answer)
    while len(found := ids(answer := page(api, answer.json()["recomm_id"]))) == 20:
        shown += found
    shown += found
    assert len(shown) == len(set(shown))
    assert len(shown) == len(api.items(num=200))
    assert "short_list" in answer.json()["notices"]


def test_the_first_id_goes_on_and_on_as_well(api: Any) -> None:
    first = api.recommend(session_id="scroller", num=10)
    pages = [ids(first), *(ids(page(api, first.json()["recomm_id"])) for _ in range(3))]
    shown = [item_id for found in pages for item_id in found]
    assert len(shown) == len(set(shown)) == 40


def test_the_next_page_keeps_what_the_first_one_asked_for(api: Any) -> None:
    asked = {
        "filter": 'category under "家居"',
        "exclude_ids": ["lamp/0001"],
        "num": 5,
        "language": "zh",
        "slot": "shelf",
        "events": [{"type": "view", "item_id": "lamp/0002"}],
        "boost": [{"filter": "price < 40", "factor": 2.0}],
        "fields": ["title", "category"],
    }
    first = api.recommend(**asked)
    second = page(api, first.json()["recomm_id"])
    assert second.json()["slot"] == "shelf"
    assert len(ids(second)) == 5
    assert set(ids(first)).isdisjoint(ids(second))
    assert "lamp/0001" not in ids(second)
    for item in second.json()["items"]:
        assert item["attributes"].keys() == {"title", "category"}
        assert item["attributes"]["category"].startswith("家居")


def test_the_size_of_a_page_may_change(api: Any) -> None:
    first = api.recommend(num=3).json()["recomm_id"]
    assert len(ids(page(api, first, query="?num=7"))) == 7
    assert page(api, first, query="?num=0").status_code == 422


def test_a_dry_run_leaves_nothing_to_continue(api: Any) -> None:
    answer = api.recommend(dry_run=True).json()
    api.settle()
    assert page(api, answer["recomm_id"]).json()["code"] == "not_found"


def test_a_browser_continues_only_its_own_shoppers_list(api: Any) -> None:
    owned = api.recommend(user_id="owner").json()["recomm_id"]
    assert page(api, owned, "browser").status_code == 403
    assert page(api, owned, "browser", shopper="other").status_code == 403
    assert page(api, owned, "browser", shopper="owner").status_code == 200
    explained = api.recommend(explain=True).json()["recomm_id"]
    assert page(api, explained, "browser").status_code == 403


def test_every_page_is_a_served_event_of_its_own(api: Any, online: Any) -> None:
    first = api.recommend(user_id="paged", num=2).json()["recomm_id"]
    second = page(api, first).json()["recomm_id"]
    api.settle()
    served = [event.recomm_id for _, event in online.read_stream("0", 10_000) if event.user_id == "paged"]
    assert served == [first, second]
