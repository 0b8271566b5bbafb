"""Shoppers over HTTP: attributes, consent, merges."""

from typing import Any


def put(api: Any, user_id: str, **body: Any) -> Any:
    return api.call("PUT", f"/v1/users/{user_id}", "ingest", json=body)


def get(api: Any, user_id: str) -> Any:
    return api.call("GET", f"/v1/users/{user_id}", "ingest").json()


def test_a_shopper_comes_back_as_it_was_put(api: Any) -> None:
    body = {"attributes": {"会员等级": "黄金", "age": 30, "vip": True}, "consent": {"market": False}}
    assert put(api, "a/会员", **body).json() == {"id": "a/会员", "status": "written"}
    user = get(api, "a/会员")
    assert user["attributes"] == body["attributes"]
    assert user["consent"] == {"personalize": True, "market": False, "train": True}
    assert user["updated_at"].endswith("Z")


def test_a_patch_changes_name_by_name_and_begins_an_unknown_shopper(api: Any) -> None:
    path = "/v1/users/patched"
    first = {"attributes": {"a": 1, "b": "x"}}
    assert api.call("PATCH", path, "ingest", json=first).json()["status"] == "written"
    second = {"attributes": {"a": None, "c": 2.5}, "consent": {"train": False}}
    api.call("PATCH", path, "ingest", json=second)
    user = get(api, "patched")
    assert user["attributes"] == {"b": "x", "c": 2.5}
    assert user["consent"] == {"personalize": True, "market": True, "train": False}


def test_a_list_of_shoppers_is_judged_row_by_row(api: Any) -> None:
    rows = [
        {"user_id": "l1", "attributes": {"level": "gold"}},
        {"user_id": "l2", "atributes": {}},
        {"user_id": "l3", "consent": {"personalise": False}},
    ]
    answer = api.call("POST", "/v1/users", "ingest", json=rows).json()
    assert answer["written"] == 1
    assert [(row["index"], row["field"]) for row in answer["rejected"]] == [
        (1, "atributes"),
        (2, "consent.personalise"),
    ]
    assert "personalize" in answer["rejected"][1]["message"]


def test_a_merge_gives_the_account_what_the_session_did_and_unmerge_takes_it_back(api: Any) -> None:
    row = {
        "event_id": "m1",
        "type": "cart",
        "session_id": "anon",
        "item_id": "tea/0001",
        "timestamp": 1_790_000_000_000,
    }
    api.call("POST", "/v1/events", json=[row])
    assert api.items(user_id="account") == api.items()
    merge = {"from": "anon", "into": "account"}
    answer = api.call("POST", "/v1/users/merge", "ingest", json=merge).json()
    assert answer == {"changed": True, "group": ["account", "anon"]}
    assert api.call("POST", "/v1/users/merge", "ingest", json=merge).json()["changed"] is False
    merged = api.items(user_id="account")
    assert merged != api.items()
    answer = api.call(
        "POST", "/v1/users/unmerge", "ingest", json={**merge, "at": "2026-11-22T10:00:00Z"}
    ).json()
    assert answer == {"changed": True, "group": ["account"]}
    assert api.items(user_id="account") == api.items()


def test_a_merge_that_closes_a_circle_is_refused_with_its_reason(api: Any) -> None:
    api.call("POST", "/v1/users/merge", "ingest", json={"from": "c1", "into": "c2"})
    answer = api.call("POST", "/v1/users/merge", "ingest", json={"from": "c2", "into": "c1"})
    assert answer.status_code == 422
    assert "circle" in answer.json()["detail"]
    assert answer.json()["code"] == "invalid_input"


def test_a_shopper_called_merge_can_be_put_all_the_same(api: Any) -> None:
    assert put(api, "merge").json()["status"] == "written"
    assert get(api, "merge")["user_id"] == "merge"
