import orjson
import pytest
from starlette.exceptions import HTTPException

from feature_store.errors import BusyError, StoreError
from recsys.errors import ConfigError, ExpressionError, InputError, ReleaseCorrupt, UnavailableError
from serving.errors import (
    BodyTooLarge,
    Conflict,
    FieldError,
    Forbidden,
    InvalidFilter,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    NotReady,
    RateLimited,
    Unauthorized,
)
from serving.wire.problems import problem_of


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MalformedRequest("m"), 400, "malformed_request"),
        (Unauthorized("m"), 401, "unauthorized"),
        (Forbidden("m"), 403, "forbidden"),
        (NotFound("m"), 404, "not_found"),
        (Conflict("m"), 409, "conflict"),
        (ReleaseCorrupt("m"), 409, "release_corrupt"),
        (BodyTooLarge("m"), 413, "body_too_large"),
        (InvalidRequest("m"), 422, "invalid_request"),
        (InvalidFilter("filter", "m", 3), 422, "invalid_expression"),
        (ExpressionError("m", 3), 422, "invalid_expression"),
        (InputError("m"), 422, "invalid_input"),
        (RateLimited("m", 7), 429, "rate_limited"),
        (NotReady("m"), 503, "not_ready"),
        (UnavailableError("m"), 503, "unavailable"),
        (BusyError("m"), 503, "busy"),
        (HTTPException(404), 404, "not_found"),
        (HTTPException(405, headers={"Allow": "GET"}), 405, "method_not_allowed"),
    ],
)
def test_each_error_has_its_status_and_its_code(error: Exception, status: int, code: str) -> None:
    answer = problem_of(error, "r-1")
    body = orjson.loads(answer.body)
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.media_type == "application/problem+json"
    assert body["request_id"] == "r-1"
    assert body["title"] and body["detail"]


@pytest.mark.parametrize("error", [ValueError("pa55word"), ConfigError("pa55word"), StoreError("pa55word")])
def test_what_is_our_fault_tells_the_request_id_and_nothing_else(error: Exception) -> None:
    answer = problem_of(error, "r-1")
    assert answer.status_code == 500
    assert b"pa55word" not in answer.body
    assert orjson.loads(answer.body)["code"] == "internal"


def test_waiting_times_and_the_way_to_log_in_are_headers() -> None:
    assert problem_of(RateLimited("m", 7), "r").headers["retry-after"] == "7"
    assert problem_of(UnavailableError("m", 9), "r").headers["retry-after"] == "9"
    assert problem_of(Unauthorized("m"), "r").headers["www-authenticate"] == "Bearer"
    assert problem_of(HTTPException(405, headers={"Allow": "GET"}), "r").headers["allow"] == "GET"


def test_mistakes_and_positions_are_members_of_the_problem() -> None:
    mistakes = [
        FieldError(field="num", message="is 0"),
        FieldError(field="slott", message="unknown", nearest="slot"),
    ]
    body = orjson.loads(problem_of(InvalidRequest("m", mistakes), "r").body)
    assert body["errors"] == [
        {"field": "num", "message": "is 0", "nearest": None},
        {"field": "slott", "message": "unknown", "nearest": "slot"},
    ]
    assert orjson.loads(problem_of(InvalidFilter("filter", "m", 3), "r").body)["position"] == 3
