"""The short way of a list and the framework's way of the same route give the same answers, refusals included."""

import warnings
from typing import Any

import pytest

from serving.app import create_app
from serving.control.tokens import sign_shopper_token
from serving.front import in_front
from serving.times import now_ms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

SECRET = "0123456789abcdef" * 4
PATH = "/v1/recommendations"
SEEN = {"type": "view", "item_id": "mug/0001", "timestamp": 1_770_000_000_000}
BODIES: list[Any] = [
    {},
    {"user_id": "KNOWN", "return_items": True, "language": "zh-CN"},
    {"session_id": "s", "events": [SEEN], "num": 50, "diversity": 0.4},
    {"item_ids": ["mug/0001"], "slot": "detail", "fields": ["title", "price"]},
    {"slot": "buy-again", "user_id": "KNOWN"},
    {"filter": "price < 40", "boost": [{"filter": "price < 9", "factor": 2.0}], "exclude_ids": ["mug/0002"]},
    {"explain": True, "why_not": "mug/0001", "events": [SEEN]},
    {"personalization": "session", "user_id": "u", "session_id": "s"},
    {"context": {"channel": "app", "market": "x"}, "fields": ["cost"]},
    {"max_staleness_s": 0.5},
    {"num": 0},
    {"num": "20"},
    {"prize": 1, "nums": 2},
    {"user_id": " edge"},
    {"filter": "price <"},
    {"fields": ["titel"]},
    {"events": [{"type": "vew", "item_id": "x"}]},
    [],
    None,
    "text",
]
RAW = [
    b"",
    b"{",
    b"null",
    b'{"num": NaN}',
    b"\xff\xfe",
    b"[" * 5000,
    b'{"user_id": "\xe4"}',
    b" " * 1_100_000,
]
CHANGING = {"recomm_id", "took_ms", "request_id", "freshness"}
COUNTED = {"x-request-id", "x-took-ms", "content-length"}


@pytest.fixture(scope="module")
def plain(api: Any) -> Any:
    """The same service without the short way; it is started already."""
    app = create_app(resources=api.resources)
    app.middleware_stack = in_front(app.build_middleware_stack(), api.resources, short=False)
    return TestClient(app, raise_server_exceptions=False)


def both(api: Any, plain: Any, key: str | None = "storefront", **call: Any) -> None:
    """Ask both ways, and compare."""
    headers = dict(call.pop("headers", {}))
    if key is not None:
        headers.setdefault("Authorization", f"Bearer {api.keys[key]}")
    path = call.pop("path", PATH)
    ours, theirs = (client.post(path, headers=headers, **call) for client in (api.client, plain))
    assert ours.status_code == theirs.status_code
    assert _said(ours) == _said(theirs)
    assert _headers(ours) == _headers(theirs)


def _said(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name not in CHANGING}


def _headers(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in COUNTED}


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_a_body_is_answered_alike(api: Any, plain: Any, body: Any) -> None:
    if isinstance(body, dict) and body.get("user_id") == "KNOWN":
        body = {**body, "user_id": api.made.shopper}
    both(api, plain, json={**body, "dry_run": True} if isinstance(body, dict) else body)


@pytest.mark.parametrize("content", RAW, ids=lambda content: repr(content[:12]))
def test_what_is_no_json_is_refused_alike(api: Any, plain: Any, content: bytes) -> None:
    both(api, plain, content=content)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer rk_000000000000_00"},
        {"Authorization": "Basic x"},
        {"X-Shopper-Token": "nonsense"},
        {"X-Shopper-Token": "x" * 3000},
        {"X-Shopper-Token": sign_shopper_token("u1", 1, SECRET)},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-ndjson"},
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "identity"},
    ],
    ids=repr,
)
def test_headers_count_alike(api: Any, plain: Any, headers: dict[str, str]) -> None:
    both(api, plain, headers=headers, json={"user_id": "u1", "dry_run": True, "num": 30})
    both(api, plain, headers=headers, json={"num": 0})


def test_callers_and_addresses_are_judged_alike(api: Any, plain: Any) -> None:
    token = sign_shopper_token("u1", now_ms() + 60_000, SECRET)
    for key in ("storefront", "browser", "ingest", "admin", None):
        both(api, plain, key, json={"user_id": "u1", "dry_run": True})
        both(api, plain, key, json={"user_id": "u1", "dry_run": True}, headers={"X-Shopper-Token": token})
        both(api, plain, key, json={"explain": True, "dry_run": True})
        both(api, plain, key, json={}, path=f"{PATH}?nun=3")


def test_metrics_call_both_ways_by_the_route(api: Any) -> None:
    value = api.resources.metrics.registry.get_sample_value
    labels = {"route": PATH, "method": "POST", "status": "200"}
    before = value("recsys_request_seconds_count", labels) or 0
    assert api.recommend().status_code == 200
    assert value("recsys_request_seconds_count", labels) == before + 1
    unknown = {**labels, "status": "401"}
    assert api.call("POST", PATH, None, json={}).status_code == 401
    assert value("recsys_request_seconds_count", unknown) >= 1
