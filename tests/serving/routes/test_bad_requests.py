"""What is wrong with a request is said by name, as a problem, and never as a stack trace."""

from typing import Any

import pytest


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"] and body["detail"] and body["type"].endswith(code)
    assert "Traceback" not in answer.text
    return body


@pytest.mark.parametrize(
    ("body", "field", "nearest"),
    [
        ({"item_id": "mug/0001"}, "item_id", "item_ids"),
        ({"userid": "u"}, "userid", "user_id"),
        ({"zzz": 1}, "zzz", None),
        ({"num": 0}, "num", None),
        ({"num": 201}, "num", None),
        ({"num": "20"}, "num", None),
        ({"num": True}, "num", None),
        ({"num": 2.5}, "num", None),
        ({"user_id": 7}, "user_id", None),
        ({"user_id": ""}, "user_id", None),
        ({"user_id": " a"}, "user_id", None),
        ({"user_id": "a\u200b"}, "user_id", None),
        ({"user_id": "a" * 129}, "user_id", None),
        ({"diversity": 1.1}, "diversity", None),
        ({"language": "english please"}, "language", None),
        ({"personalization": "ful"}, "personalization", "full"),
        ({"events": [{"type": "veiw", "item_id": "a"}]}, "events.0.type", "view"),
        ({"events": [{"type": "served", "item_id": "a"}]}, "events.0.type", None),
        ({"events": [{"type": "view", "itemid": "a"}]}, "events.0.itemid", "item_id"),
        ({"events": [{"type": "view", "timestamp": "yesterday"}]}, "events.0.timestamp", None),
        ({"events": [{"type": "view", "timestamp": "2026-01-01T00:00:00"}]}, "events.0.timestamp", None),
        ({"boost": [{"filter": "price < 5", "facter": 2}]}, "boost.0.factor", None),
        ({"context": {"a": {"b": 1}}}, "context.a.int", None),
        ({"seed": -1}, "seed", None),
        ({"fields": ["titel"]}, "fields.0", "title"),
        ({"item_ids": ["a"] * 101}, "item_ids", None),
    ],
)
def test_each_mistake_is_named_with_the_nearest_known_name(
    api: Any, body: dict[str, Any], field: str, nearest: str | None
) -> None:
    errors = problem(api.recommend(**body), 422, "invalid_request")["errors"]
    assert (field, nearest) in [(error["field"], error["nearest"]) for error in errors]
    assert all(error["message"] for error in errors)


def test_all_mistakes_are_told_at_once(api: Any) -> None:
    body = problem(api.recommend(num=0, slott="x", seed=-1), 422, "invalid_request")
    assert {error["field"] for error in body["errors"]} == {"num", "slott", "seed"}
    assert "and 2 more" in body["detail"]


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("price <", 7, ""),
        ("prise < 5", 0, "price"),
        ('category under "a" and (', 24, ""),
        ("price < 5 ; drop", 10, ""),
        ("__import__('os')", 0, ""),
    ],
)
def test_a_filter_that_does_not_parse_is_told_with_its_position(
    api: Any, text: str, position: int, hint: str
) -> None:
    body = problem(api.recommend(filter=text), 422, "invalid_expression")
    assert body["position"] == position
    assert body["errors"][0]["field"] == "filter"
    assert hint in body["detail"]


def test_a_wrong_filter_in_a_boost_names_that_boost(api: Any) -> None:
    boosts = [{"filter": "price < 5", "factor": 2.0}, {"filter": "price <", "factor": 2.0}]
    body = problem(api.recommend(boost=boosts), 422, "invalid_expression")
    assert body["errors"][0]["field"] == "boost.1.filter"


def test_a_deeply_nested_filter_is_refused(api: Any) -> None:
    problem(api.recommend(filter="(" * 5000 + "price < 5" + ")" * 5000), 422, "invalid_expression")


@pytest.mark.parametrize(
    ("method", "path", "nearest"),
    [
        ("POST", "/v1/recommendations?nun=3", None),
        ("GET", "/v1/scenarios?user=u", "user_id"),
        ("GET", "/v1/scenarios/weekend-kitchen?langage=zh", "language"),
        ("GET", "/healthz?verbose=1", None),
        ("GET", "/metrics?name=x", None),
    ],
)
def test_an_unknown_query_parameter_is_refused_by_name(
    api: Any, method: str, path: str, nearest: str | None
) -> None:
    body = problem(api.call(method, path, json={} if method == "POST" else None), 422, "invalid_request")
    name = path.partition("?")[2].partition("=")[0]
    assert [(error["field"], error["nearest"]) for error in body["errors"]] == [(name, nearest)]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe{}",
        '{"user_id": "\xe9"}'.encode("latin-1"),
        '{"user_id": "a"}'.encode("utf-16"),
        b'{"num": NaN}',
        b'{"user_id": "\\ud800"}',
        b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_that_is_not_json_in_utf8_is_malformed(api: Any, content: bytes) -> None:
    for path in ("/v1/recommendations", "/v1/events"):
        problem(api.call("POST", path, content=content), 400, "malformed_request")


def test_nesting_within_the_readable_depth_is_refused_as_a_wrong_type(api: Any) -> None:
    problem(
        api.call("POST", "/v1/recommendations", content=b'{"events": ' + b"[" * 900 + b"]" * 900 + b"}"),
        422,
        "invalid_request",
    )


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_is_json_whatever_its_content_type_says(api: Any, content_type: str) -> None:
    answer = api.call(
        "POST", "/v1/recommendations", content=b'{"num": 3}', headers={"Content-Type": content_type}
    )
    assert len(answer.json()["items"]) == 3


@pytest.mark.parametrize(("path", "limit"), [("/v1/recommendations", 1), ("/v1/events", 1), ("/v1/items", 5)])
def test_a_body_past_its_limit_is_too_large(api: Any, path: str, limit: int) -> None:
    key = "ingest" if path == "/v1/items" else "storefront"
    inside, past = b" " * (limit * 1024 * 1024), b" " * (limit * 1024 * 1024 + 1)
    problem(api.call("POST", path, key, content=inside), 400, "malformed_request")
    problem(api.call("POST", path, key, content=past), 413, "body_too_large")

    def in_parts() -> Any:
        yield from (b" " * 65_536 for _ in range(limit * 16 + 1))

    problem(api.call("POST", path, key, content=in_parts()), 413, "body_too_large")


def test_what_is_not_there_is_a_problem_too(api: Any) -> None:
    problem(api.call("GET", "/v1/nothing"), 404, "not_found")
    problem(api.call("GET", "/"), 404, "not_found")
    problem(api.call("DELETE", "/v1/recommendations"), 405, "method_not_allowed")
    problem(api.call("GET", "/v1/scenarios/no-such-hall"), 404, "not_found")
    problem(api.call("GET", "/v1/recommendations/no-such-list/next"), 404, "not_found")
    problem(api.call("GET", "/v1/items/no/such/item", "ingest"), 404, "not_found")
    problem(api.call("GET", "/v1/users/nobody", "ingest"), 404, "not_found")
    problem(api.call("GET", "/v1/jobs/no-such-job", "engineer"), 404, "not_found")


def test_an_empty_body_asks_for_one(api: Any) -> None:
    problem(api.call("POST", "/v1/recommendations"), 422, "invalid_request")


def test_an_unexpected_error_tells_its_request_id_and_nothing_else(open_api: Any) -> None:
    api = open_api()
    object.__setattr__(api.resources, "pager", None)
    body = problem(api.recommend(), 500, "internal")
    assert "NoneType" not in str(body)
    assert "log" in body["detail"]
