"""Route × role × foreign shopper: who may call what, and for whom."""

from typing import Any

import pytest

from serving.control.tokens import sign_shopper_token
from serving.times import now_ms

ROLES = ("storefront", "browser", "ingest", "marketer", "engineer", "admin")
LIST = {"num": 1}
EVENT = {
    "event_id": "a1",
    "type": "view",
    "session_id": "s",
    "item_id": "mug/0001",
    "timestamp": 1_790_000_000_000,
}
SHOP = {"storefront", "browser", "admin"}
INGEST = {"ingest", "admin"}
LOOKING = {"marketer", "engineer", "admin"}
CHANGING = {"engineer", "admin"}

ROUTES: list[tuple[str, str, object, set[str]]] = [
    ("POST", "/v1/recommendations", LIST, SHOP),
    ("GET", "/v1/recommendations/RECOMM/next", None, SHOP),
    ("GET", "/v1/scenarios", None, SHOP),
    ("GET", "/v1/scenarios/weekend-kitchen", None, SHOP),
    ("POST", "/v1/events", {"events": [EVENT]}, SHOP),
    ("POST", "/v1/items", [{"item_id": "x"}], INGEST),
    ("PUT", "/v1/items/x", {}, INGEST),
    ("PATCH", "/v1/items/x", {}, INGEST),
    ("GET", "/v1/items/x", None, INGEST),
    ("POST", "/v1/offers", [{"item_id": "x", "price": 1}], INGEST),
    ("DELETE", "/v1/items/x", None, INGEST),
    ("POST", "/v1/users", [{"user_id": "x"}], INGEST),
    ("PUT", "/v1/users/x", {}, INGEST),
    ("PATCH", "/v1/users/x", {}, INGEST),
    ("GET", "/v1/users/x", None, INGEST),
    ("POST", "/v1/users/merge", {"from": "f", "into": "i"}, INGEST),
    ("POST", "/v1/users/unmerge", {"from": "f", "into": "i"}, INGEST),
    ("GET", "/v1/releases", None, LOOKING),
    ("POST", "/v1/releases/00112233aabbccdd/promote", None, CHANGING),
    ("POST", "/v1/releases/00112233aabbccdd/rollback", None, CHANGING),
    ("GET", "/v1/jobs/j", None, LOOKING),
]
OPEN = {"/healthz", "/readyz", "/metrics"}


def send(api: Any, method: str, path: str, body: object, key: str | None, **more: Any) -> Any:
    if "RECOMM" in path:
        path = path.replace("RECOMM", api.recommend(num=1).json()["recomm_id"])
    return api.call(method, path, key, **({} if body is None else {"json": body}), **more)


def test_the_matrix_covers_every_route(api: Any) -> None:
    known = {(method, path.replace("RECOMM", "{}")) for method, path, _, _ in ROUTES}
    served = {
        (method.upper(), path)
        for path, operations in api.client.app.openapi()["paths"].items()
        for method in operations
        if path not in OPEN
    }
    assert len(known) == len(served)


@pytest.mark.parametrize(("method", "path", "body", "allowed"), ROUTES)
def test_each_route_lets_its_roles_pass_and_nobody_else(
    api: Any, method: str, path: str, body: object, allowed: set[str]
) -> None:
    passed = {key for key in ROLES if send(api, method, path, body, key).status_code not in (401, 403)}
    assert passed == allowed
    refused = next(iter(sorted(set(ROLES) - allowed)))
    assert send(api, method, path, body, refused).json()["code"] == "forbidden"


@pytest.mark.parametrize(("method", "path", "body", "allowed"), ROUTES)
def test_without_a_key_nothing_opens(
    api: Any, method: str, path: str, body: object, allowed: set[str]
) -> None:
    for header in (None, "Bearer", "Bearer wrong", "Basic abc", f"Bearer {api.keys['storefront']}x"):
        headers = {} if header is None else {"Authorization": header}
        answer = send(api, method, path, body, None, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "unauthorized"
        assert api.keys["storefront"] not in answer.text


FOR_A_SHOPPER: list[tuple[str, str, object]] = [
    ("POST", "/v1/recommendations", {"user_id": "u1"}),
    ("GET", "/v1/scenarios?user_id=u1", None),
    ("GET", "/v1/scenarios/weekend-kitchen?user_id=u1", None),
    ("POST", "/v1/events", [{**EVENT, "event_id": "f1", "user_id": "u1"}]),
]


@pytest.mark.parametrize(("method", "path", "body"), FOR_A_SHOPPER)
def test_a_browser_speaks_only_for_the_shopper_of_its_token(
    api: Any, method: str, path: str, body: object
) -> None:
    assert send(api, method, path, body, "storefront").status_code == 200
    assert send(api, method, path, body, "browser", shopper="u1").status_code == 200
    for more in ({}, {"shopper": "u2"}):
        answer = send(api, method, path, body, "browser", **more)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(("method", "path", "body"), FOR_A_SHOPPER)
def test_a_token_that_does_not_hold_is_refused_whatever_it_names(
    api: Any, method: str, path: str, body: object
) -> None:
    forged = sign_shopper_token("u1", now_ms() + 60_000, "another secret of thirty-two characters")
    expired = sign_shopper_token("u1", now_ms() - 1, "0123456789abcdef" * 4)
    for token in (forged, expired, "nonsense"):
        answer = send(api, method, path, body, "browser", headers={"X-Shopper-Token": token})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"explain": True},
        {"why_not": "mug/0001"},
        {"filter": "cost < 5"},
        {"filter": 'price < 5 and user.interest = "lamp"'},
        {"boost": [{"filter": "not cost < 5", "factor": 2.0}]},
        {"fields": ["title", "cost"]},
    ],
)
def test_a_browser_may_not_look_behind_the_counter(api: Any, body: dict[str, Any]) -> None:
    assert api.recommend(**body).status_code == 200
    assert api.recommend("browser", **body).status_code == 403


def test_a_browser_never_reads_a_cost(api: Any) -> None:
    answer = api.recommend("browser", return_items=True, filter="price < 1000", num=50)
    assert answer.status_code == 200
    assert "cost" not in answer.text


def test_a_token_alone_names_the_browsers_shopper(api: Any) -> None:
    row = {
        "event_id": "t1",
        "type": "cart",
        "user_id": "tokened",
        "item_id": "tea/0001",
        "timestamp": 1_790_000_000_000,
    }
    api.call("POST", "/v1/events", json=[row])
    expected = api.items(user_id="tokened")
    answer = api.call("POST", "/v1/recommendations", "browser", json={}, shopper="tokened")
    assert [item["item_id"] for item in answer.json()["items"]] == expected != api.items()


def test_a_browser_that_calls_too_often_is_told_when_to_come_back(open_api: Any) -> None:
    api = open_api()
    answers = [api.call("GET", "/v1/scenarios", "browser") for _ in range(130)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["code"] == "rate_limited"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert api.call("GET", "/v1/scenarios", "storefront").status_code == 200
