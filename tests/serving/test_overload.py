"""More requests than can be answered: a bounded number waits, the surplus gets a prepared list or a refusal at once."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

QUEUE, SURPLUS, FLOOD = 4, 3, 30


@pytest.fixture
def api(open_api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    # The caller stays known on a machine that is slow, so that all of a flood arrives at once.
    monkeypatch.setattr("serving.routes.callers._GOOD_FOR_S", 3600.0)
    wanted = {"queue_length": QUEUE, "surplus_lists": SURPLUS, "queue_wait_ms": 10_000.0}
    settings = open_api().resources.settings.model_copy(update=wanted)
    api = open_api(settings=settings)
    assert api.recommend().status_code == 200
    return api


def flood(api: Any, bodies: list[dict[str, Any]]) -> list[tuple[int, dict[bytes, bytes], dict[str, Any]]]:
    """Every request arrives before any is answered: status, headers and body of each."""

    async def ask(body: dict[str, Any]) -> tuple[int, dict[bytes, bytes], dict[str, Any]]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        key = f"Bearer {api.keys['storefront']}".encode()
        scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/recommendations"}
        scope |= {"raw_path": b"/v1/recommendations", "query_string": b"", "root_path": "", "scheme": "http"}
        scope |= {"headers": [(b"authorization", key)], "client": ("127.0.0.1", 1), "server": ("test", 80)}
        await api.client.app(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])

    async def everybody() -> list[Any]:
        return list(await asyncio.gather(*map(ask, bodies)))

    answers: list[Any] = api.client.portal.call(everybody)  # in the loop that the application lives in
    return answers


def test_a_flood_is_made_waits_gets_the_prepared_list_or_is_refused(api: Any) -> None:
    answers = flood(api, [{"user_id": f"u{number}"} for number in range(FLOOD)])
    kinds = Counter("refused" if status == 503 else tuple(body["degraded"]) for status, _, body in answers)
    assert kinds == {(): 1 + QUEUE, ("overload",): SURPLUS, "refused": FLOOD - 1 - QUEUE - SURPLUS}
    for status, headers, body in answers:
        if status == 503:
            assert body["code"] == "overloaded"
            assert int(headers[b"retry-after"]) >= 1
    value = api.resources.metrics.registry.get_sample_value
    assert value("recsys_overload_total", {"outcome": "trending"}) == SURPLUS
    assert value("recsys_overload_total", {"outcome": "refused"}) == kinds["refused"]
    assert value("recsys_queue_wait_seconds_count") >= 1 + QUEUE


def test_the_prepared_list_is_what_is_trending_and_leaves_no_trace(api: Any) -> None:
    usual = api.items()
    answers = flood(api, [{"num": 20, "return_items": True, "language": "zh"}] * FLOOD)
    prepared = [body for status, _, body in answers if status == 200 and body["degraded"] == ["overload"]]
    assert len(prepared) == SURPLUS
    for body in prepared:
        assert [item["item_id"] for item in body["items"]] == usual
        assert [item["position"] for item in body["items"]] == list(range(1, 21))
        assert body["fallback_used"] == "trending"
        assert all(item["attributes"]["title"] for item in body["items"])
        assert api.call("GET", f"/v1/recommendations/{body['recomm_id']}/next").status_code == 404
    assert len({body["recomm_id"] for body in prepared}) == SURPLUS


def test_the_surplus_leaves_out_what_was_excluded_and_does_not_break_a_filter_or_a_shelf(api: Any) -> None:
    first = api.items()[0]
    answers = flood(api, [{"exclude_ids": [first]}] * FLOOD)
    prepared = [body for status, _, body in answers if status == 200 and body["degraded"]]
    assert len(prepared) == SURPLUS
    assert first not in {item["item_id"] for body in prepared for item in body["items"]}
    assert {len(body["items"]) for body in prepared} == {20}
    for wish in ({"filter": "price < 40"}, {"slot": "buy-again"}, {"explain": True}):
        statuses = Counter(status for status, _, _ in flood(api, [wish] * FLOOD))
        assert statuses == {200: 1 + QUEUE, 503: FLOOD - 1 - QUEUE}


def test_after_a_flood_everything_is_as_before(api: Any) -> None:
    before = api.items(user_id="u1")
    flood(api, [{}] * FLOOD)
    answer = api.recommend(user_id="u1")
    assert answer.json()["degraded"] == []
    assert [item["item_id"] for item in answer.json()["items"]] == before
    assert api.call("GET", "/v1/scenarios/weekend-kitchen").status_code == 200
