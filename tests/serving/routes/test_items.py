"""The catalogue over HTTP: what is written is seen by the next list of every process."""

import time
from collections.abc import Callable
from typing import Any

import orjson

from serving.times import now_ms


def until(holds: Callable[[], bool], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def put(api: Any, item_id: str, **body: Any) -> Any:
    return api.call("PUT", f"/v1/items/{item_id}", "ingest", json=body)


def get(api: Any, item_id: str) -> Any:
    return api.call("GET", f"/v1/items/{item_id}", "ingest").json()


def patch(api: Any, item_id: str, **body: Any) -> Any:
    return api.call("PATCH", f"/v1/items/{item_id}", "ingest", json=body)


def test_an_item_comes_back_as_it_was_put(api: Any) -> None:
    body = {
        "titles": {"zh": "小胡萝卜", "en": "Baby carrots"},
        "category": "食品 > 蔬菜",
        "brand": "Green Farm",
        "tags": ["vegan", "新品"],
        "attributes": {"weight_g": 500, "颜色": "橙"},
        "created_at": "2026-10-01T00:00:00+08:00",
        "offers": [
            {
                "sku": "c-1",
                "price": 1.99,
                "stock": 3,
                "promo": {"price": 1.49, "start": "2026-11-27T00:00:00Z"},
            }
        ],
    }
    assert put(api, "veg/胡萝卜", **body).json() == {"id": "veg/胡萝卜", "status": "written"}
    item = get(api, "veg/胡萝卜")
    assert item["titles"] == body["titles"]
    assert item["created_at"] == "2026-09-30T16:00:00.000Z"
    assert item["offers"][0]["promo"] == {"price": 1.49, "start": "2026-11-27T00:00:00.000Z"}
    assert item["tags"] == body["tags"] and item["attributes"] == body["attributes"]


def test_offer_fields_beside_the_items_own_are_its_only_offer(api: Any) -> None:
    put(api, "flat", titles={"en": "Flat"}, price=3.5, stock=2)
    assert get(api, "flat")["offers"] == [{"sku": "flat", "price": 3.5, "stock": 2.0, "available": True}]
    assert put(api, "flat", price=3.5, offers=[{"sku": "x"}]).status_code == 422
    assert put(api, "flat", offers=[{"sku": "x"}, {"sku": "x"}]).status_code == 422


def test_the_same_again_is_unchanged_and_an_older_version_is_stale(api: Any) -> None:
    body = {"titles": {"en": "Old"}, "updated_at": "2026-01-02T00:00:00Z"}
    assert put(api, "versions", **body).json()["status"] == "written"
    assert put(api, "versions", **body).json()["status"] == "unchanged"
    older = {"titles": {"en": "Older"}, "updated_at": "2026-01-01T00:00:00Z"}
    assert put(api, "versions", **older).json()["status"] == "stale"
    assert get(api, "versions")["titles"] == {"en": "Old"}


def test_a_clock_that_runs_ahead_does_not_lock_the_item(api: Any) -> None:
    assert put(api, "ahead", title="A", updated_at=now_ms() + 3_600_000).status_code == 200
    assert put(api, "ahead", title="B").json()["status"] == "written"
    assert get(api, "ahead")["titles"] == {"en": "B"}
    assert put(api, "ahead", title="C", updated_at="2100-01-01T00:00:00Z").status_code == 422


def test_a_plain_title_is_in_the_language_it_is_written_in(api: Any) -> None:
    put(api, "zh-title", title="小胡萝卜", category="食品>蔬菜")
    assert get(api, "zh-title")["titles"] == {"zh": "小胡萝卜"}
    assert get(api, "zh-title")["category"] == "食品 > 蔬菜"


def test_no_offers_at_all_means_that_nobody_can_buy_it_and_a_patch_keeps_that(api: Any) -> None:
    put(api, "sold-out", title="Gone", offers=[])
    patch(api, "sold-out", brand="B")
    assert "offers" not in get(api, "sold-out")
    patch(api, "sold-out", price=3.0)
    assert get(api, "sold-out")["offers"][0]["sku"] == "sold-out"


def test_a_patch_changes_what_it_names_and_nothing_else(api: Any) -> None:
    put(
        api,
        "patched",
        titles={"en": "One", "zh": "一"},
        brand="A",
        attributes={"a": 1, "b": 2},
        price=5.0,
        stock=1,
    )
    assert (
        patch(api, "patched", titles={"zh": None}, brand=None, attributes={"b": 3}, price=4.0).status_code
        == 200
    )
    item = get(api, "patched")
    assert item["titles"] == {"en": "One"}
    assert "brand" not in item
    assert item["attributes"] == {"a": 1, "b": 3}
    assert item["offers"][0]["price"] == 4.0 and item["offers"][0]["stock"] == 1.0


def test_a_patch_reaches_an_item_that_only_the_release_knows(api: Any) -> None:
    before = get(api, "lamp/0003")
    assert patch(api, "lamp/0003", tags=["bestseller"]).json()["status"] == "written"
    after = get(api, "lamp/0003")
    assert after["tags"] == ["bestseller"]
    assert after["titles"] == before["titles"] and after["offers"] == before["offers"]
    assert patch(api, "no-such-item", tags=[]).status_code == 404


def test_a_path_and_a_body_that_disagree_are_refused(api: Any) -> None:
    answer = api.call("PUT", "/v1/items/one", "ingest", json={"item_id": "two"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "item_id"


def test_stock_price_and_deletion_reach_the_lists_of_every_process(open_api: Any, tmp_path: Any) -> None:
    writer = open_api()
    reader = open_api(settings=writer.resources.settings)
    first = reader.items(num=1)[0]
    fields = {"fields": ["price"], "filter": f'item_id = "{first}"'}

    def price() -> float | None:
        found = reader.recommend(**fields).json()["items"]
        return found[0]["attributes"]["price"] if found else None

    offers = [{"item_id": first, "price": 1.23, "promo": None}]
    assert writer.call("POST", "/v1/offers", "ingest", json=offers).json()["written"] == 1
    until(lambda: price() == 1.23)
    writer.call("POST", "/v1/offers", "ingest", json=[{"item_id": first, "stock": 0}])
    until(lambda: price() is None)
    writer.call("POST", "/v1/offers", "ingest", json=[{"item_id": first, "stock": 9}])
    until(lambda: price() == 1.23)
    assert writer.call("DELETE", f"/v1/items/{first}", "ingest").json() == {"id": first, "status": "deleted"}
    until(lambda: price() is None)
    until(lambda: writer.call("GET", f"/v1/items/{first}", "ingest").status_code == 404)


def test_a_list_of_items_is_judged_row_by_row(api: Any) -> None:
    rows = [
        {"item_id": "bulk/1", "titles": {"en": "One"}, "price": 1},
        {"item_id": "bulk/2", "titel": "Two"},
        {"titles": {"en": "Three"}},
        {"item_id": "bulk/4", "price": -1},
        {"item_id": "bulk/5"},
    ]
    answer = api.call("POST", "/v1/items", "ingest", json={"items": rows}).json()
    assert answer["written"] == 2
    rejected = {row["index"]: row for row in answer["rejected"]}
    assert rejected.keys() == {1, 2, 3}
    assert (rejected[1]["field"], rejected[2]["field"], rejected[3]["field"]) == ("titel", "item_id", "price")
    assert "did you mean 'title'" in rejected[1]["message"]


def test_items_come_as_json_lines_too_and_in_thousands(api: Any) -> None:
    rows = [{"item_id": f"line/{n}", "titles": {"zh": f"第{n}件"}, "price": n} for n in range(1200)]
    lines = b"\n".join(map(orjson.dumps, rows))
    headers = {"Content-Type": "application/x-ndjson; charset=utf-8"}
    answer = api.call("POST", "/v1/items", "ingest", content=lines, headers=headers).json()
    assert answer == {"written": 1200, "unchanged": 0, "stale": 0, "rejected": []}
    assert get(api, "line/1199")["titles"] == {"zh": "第1199件"}


def test_an_offer_changes_alone_and_a_new_sku_is_added(api: Any) -> None:
    put(api, "multi", offers=[{"sku": "m-1", "price": 1.0, "stock": 5}, {"sku": "m-2", "price": 2.0}])
    rows = [
        {"item_id": "multi", "sku": "m-2", "price": 1.5},
        {"item_id": "multi", "sku": "m-3", "price": 9.0, "currency": "CNY"},
        {"item_id": "multi", "sku": "m-1", "stock": None},
        {"item_id": "no-such", "price": 1.0},
        {"item_id": "multi", "prize": 1.0},
    ]
    answer = api.call("POST", "/v1/offers", "ingest", json={"offers": rows}).json()
    assert answer["written"] == 3
    assert [(row["index"], row["code"]) for row in answer["rejected"]] == [
        (3, "offer_refused"),
        (4, "invalid_request"),
    ]
    offers = {offer["sku"]: offer for offer in get(api, "multi")["offers"]}
    assert offers["m-1"] == {"sku": "m-1", "price": 1.0, "available": True}
    assert offers["m-2"]["price"] == 1.5 and offers["m-3"]["currency"] == "CNY"
    nameless = api.call("POST", "/v1/offers", "ingest", json=[{"item_id": "multi", "price": 1.0}]).json()
    assert "m-1, m-2, m-3" in nameless["rejected"][0]["message"]
