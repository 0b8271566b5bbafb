"""Events over HTTP: a verdict per row, durable before the answer."""

from typing import Any

import orjson
import pytest

NOW = 1_790_000_000_000


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "type": "view",
        "session_id": "s1",
        "item_id": "mug/0001",
        "timestamp": NOW,
        **more,
    }


def post(api: Any, rows: object, key: str = "storefront", **more: Any) -> Any:
    return api.call("POST", "/v1/events", key, json=rows, **more)


def test_every_row_gets_its_own_verdict(open_api: Any) -> None:
    api = open_api()
    rows = [
        event(1),
        event(2, itemid="x"),
        event(3, type="veiw"),
        event(1),
        event(4),
        event(1, item_id="lamp/0001"),
    ]
    answer = post(api, {"events": rows}).json()
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    rejected = {row["index"]: row for row in answer["rejected"]}
    assert rejected.keys() == {1, 2, 5}
    assert (rejected[1]["code"], rejected[1]["field"]) == ("unknown_field", "itemid")
    assert "item_id" in rejected[1]["message"]
    assert "view" in rejected[2]["message"]
    assert rejected[5]["code"] == "conflict"
    stored = [found.event_id for _, found in api.resources.stores.online.read_stream("0", 100)]
    assert stored == ["e1", "e4"]


def test_posting_the_same_again_changes_nothing(open_api: Any) -> None:
    api = open_api()
    rows = [event(1), event(2)]
    assert post(api, rows).json()["accepted"] == 2
    assert post(api, rows).json() == {"accepted": 0, "duplicates": 2, "rejected": []}
    assert len(api.resources.stores.online.shopper(None, "s1").history) == 2


def test_a_list_an_object_and_json_lines_are_the_same(open_api: Any) -> None:
    api = open_api()
    assert post(api, {"events": [event(1)]}).json()["accepted"] == 1
    assert post(api, [event(2)]).json()["accepted"] == 1
    lines = b"\n".join(orjson.dumps(event(number)) for number in (3, 4)) + b"\n\n"
    answer = api.call("POST", "/v1/events", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["accepted"] == 2


def test_times_with_offsets_and_the_time_of_arrival_are_kept(open_api: Any) -> None:
    api = open_api()
    assert post(api, [event(1, timestamp="2026-11-22T09:30:00+08:00")]).json()["accepted"] == 1
    stored = api.resources.stores.online.read_stream("0", 1)[0][1]
    assert stored.timestamp == 1_795_311_000_000
    assert stored.received_at is not None and stored.received_at > NOW - 10 * 365 * 86_400_000


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": []},
        {"events": {}},
        {"events": [], "more": 1},
        "text",
        7,
        None,
        [1],
        [["a"]],
        {"events": [None]},
    ],
)
def test_a_body_of_another_shape_is_refused_as_a_whole(api: Any, body: object) -> None:
    answer = api.call("POST", "/v1/events", content=orjson.dumps(body))
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"


def test_a_broken_json_line_is_named_by_its_number(api: Any) -> None:
    content = orjson.dumps(event(1)) + b"\n{broken\n"
    answer = api.call("POST", "/v1/events", content=content, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 400
    assert "line 2" in answer.json()["detail"]


def test_more_than_500_events_are_too_many_for_one_call(api: Any) -> None:
    assert post(api, [event(n) for n in range(501)]).status_code == 422
    assert post(api, [event(n) for n in range(1000, 1500)]).json()["accepted"] == 500
    assert post(api, []).json() == {"accepted": 0, "duplicates": 0, "rejected": []}


def test_a_browser_reports_only_its_own_shopper_and_no_money(open_api: Any) -> None:
    api = open_api()
    own = {"session_id": None, "user_id": "own"}
    assert post(api, [event(1), event(2, **own)], "browser").status_code == 403
    for kind in ("purchase", "order", "return", "cancel"):
        refused = post(api, [event(3), event(4, type=kind)], "browser")
        assert refused.status_code == 403
        assert kind in refused.json()["detail"]
    assert api.resources.stores.online.read_stream("0", 10) == []
    assert post(api, [event(5, **own)], "browser", shopper="own").json()["accepted"] == 1
    assert post(api, [event(6, **own)], "browser", shopper="other").status_code == 403
    assert post(api, [event(7)], "browser").json()["accepted"] == 1


def test_a_browsers_event_that_names_nobody_is_its_shoppers(open_api: Any) -> None:
    api = open_api()
    row = event(1)
    del row["session_id"]
    assert post(api, [row], "browser", shopper="own").json()["accepted"] == 1
    assert api.resources.stores.online.read_stream("0", 1)[0][1].user_id == "own"
    assert post(api, [row], "browser").json()["rejected"][0]["code"] == "missing_field"
