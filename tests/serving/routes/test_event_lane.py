"""The short way of events and the framework's way of the same route take, refuse and store alike."""

import warnings
from typing import Any

import pytest

from feature_store.online.contract import MAX_EVENTS_PER_CALL
from recsys.errors import UnavailableError
from serving.app import create_app
from serving.control.tokens import sign_shopper_token
from serving.front import in_front
from serving.times import now_ms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

SECRET = "0123456789abcdef" * 4
PATH = "/v1/events"
NOW = 1_790_000_000_000
COUNTED = {"x-request-id", "x-took-ms", "content-length"}
RAW = [b"", b"{", b"null", b"[1]", b'{"event": []}', b"\xff\xfe", b"[" * 5000, b" " * 1_100_000]


@pytest.fixture(scope="module")
def plain(api: Any) -> Any:
    """The same service without the short way; it is started already."""
    app = create_app(resources=api.resources)
    app.middleware_stack = in_front(app.build_middleware_stack(), api.resources, short=False)
    return TestClient(app, raise_server_exceptions=False)


def event(number: int, way: str, **more: Any) -> dict[str, Any]:
    """Each way has ids and a session of its own."""
    return {
        "event_id": f"lane-{way}-{number}",
        "type": "view",
        "session_id": f"lane-{way}",
        "item_id": "mug/0001",
        "timestamp": NOW + number,
        **more,
    }


def both(api: Any, plain: Any, key: str | None = "storefront", **call: Any) -> Any:
    """Post both ways, compare, return what was said; a `json` that is a function is asked for each way's rows."""
    headers, path, rows = dict(call.pop("headers", {})), call.pop("path", PATH), call.pop("json", None)
    if key is not None:
        headers.setdefault("Authorization", f"Bearer {api.keys[key]}")
    answers = []
    for way, client in (("short", api.client), ("long", plain)):
        body = rows(way) if callable(rows) else rows
        more = call if rows is None else {"json": body}
        answers.append(client.post(path, headers=headers, **more))
    ours, theirs = answers
    assert ours.status_code == theirs.status_code
    assert _said(ours) == _said(theirs)
    assert _headers(ours) == _headers(theirs)
    return ours


def _said(answer: Any) -> Any:
    body = answer.json()
    body.pop("request_id", None)
    return repr(body).replace("lane-short", "lane").replace("lane-long", "lane")


def _headers(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in COUNTED}


def test_rows_are_judged_and_stored_alike(api: Any, plain: Any) -> None:
    def rows(way: str) -> list[dict[str, Any]]:
        return [
            event(1, way),
            event(2, way, itemid="x"),
            event(3, way, type="veiw"),
            event(1, way),
            event(1, way, item_id="lamp/0001"),
            event(4, way, user_id="u-lane"),
        ]

    said = both(api, plain, json=rows).json()
    assert (said["accepted"], said["duplicates"], len(said["rejected"])) == (2, 1, 3)
    online = api.resources.stores.online
    histories = [online.shopper(None, f"lane-{way}").history for way in ("short", "long")]
    assert histories[0] == histories[1]
    assert len(histories[0]) == 2
    assert both(api, plain, json=lambda way: {"events": [event(1, way)]}).json()["duplicates"] == 1


@pytest.mark.parametrize("count", [0, 3, MAX_EVENTS_PER_CALL, MAX_EVENTS_PER_CALL + 1])
def test_calls_of_any_size_are_answered_alike(api: Any, plain: Any, count: int) -> None:
    """The larger ones are too long for the short way, and long answers are compressed."""
    both(api, plain, json=lambda way: [event(1000 * count + n, way) for n in range(count)])
    both(api, plain, json=lambda way: [event(n, way, wrong=True) for n in range(count)])


@pytest.mark.parametrize("content", RAW, ids=lambda content: repr(content[:12]))
def test_what_is_no_list_of_rows_is_refused_alike(api: Any, plain: Any, content: bytes) -> None:
    both(api, plain, content=content)
    both(api, plain, content=content, headers={"Content-Type": "application/x-ndjson"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer rk_000000000000_00"},
        {"Authorization": "Basic x"},
        {"X-Shopper-Token": "nonsense"},
        {"X-Shopper-Token": "x" * 3000},
        {"X-Shopper-Token": sign_shopper_token("u1", 1, SECRET)},
        {"Content-Type": "text/plain"},
        {"Accept-Encoding": "identity"},
    ],
    ids=repr,
)
def test_headers_count_alike(api: Any, plain: Any, headers: dict[str, str]) -> None:
    both(api, plain, headers=headers, json=lambda way: [event(50, way)])


def test_callers_are_judged_alike(api: Any, plain: Any) -> None:
    token = sign_shopper_token("u1", now_ms() + 60_000, SECRET)
    for place, key in enumerate(("storefront", "browser", "ingest", "admin", None)):
        for step, more in enumerate(({}, {"user_id": "u1"}, {"user_id": "u2"}, {"type": "purchase"})):
            number = 100 + 10 * place + step

            def rows(way: str, number: int = number, more: dict[str, Any] = more) -> list[dict[str, Any]]:
                return [event(number, way, **more)]

            both(api, plain, key, json=rows)
            both(api, plain, key, json=rows, headers={"X-Shopper-Token": token})
    both(api, plain, json=[], path=f"{PATH}?nun=3")


def test_a_store_that_is_away_is_told_alike(api: Any, plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise UnavailableError("the online store does not answer")

    monkeypatch.setattr(api.resources.intake._store, "append_events", away)
    assert both(api, plain, json=lambda way: [event(900, way)]).status_code == 503


def test_metrics_call_the_short_way_by_the_route(api: Any) -> None:
    value = api.resources.metrics.registry.get_sample_value
    labels = {"route": PATH, "method": "POST", "status": "200"}
    before = value("recsys_request_seconds_count", labels) or 0
    assert api.call("POST", PATH, json=[event(990, "metrics")]).status_code == 200
    assert value("recsys_request_seconds_count", labels) == before + 1
