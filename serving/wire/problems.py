"""Every refusal as RFC 9457 problem JSON: the one place where errors get a status and a title.

Invariants: no stack trace and no text of an unexpected exception leaves the process; `code` is stable and clients may
switch on it; what is wrong with single fields stands in `errors[{field, message, nearest}]`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import Response
from starlette.exceptions import HTTPException

from recsys.errors import (
    ConfigError,
    ExpressionError,
    InputError,
    RecsysError,
    ReleaseError,
    UnavailableError,
)
from serving.errors import (
    BodyTooLarge,
    Conflict,
    FieldError,
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    RateLimited,
    Unauthorized,
)

__all__ = ["PROBLEM_JSON", "problem_of"]

PROBLEM_JSON: Final = "application/problem+json"

# By class, nearest ancestor first; what is not here is our mistake, not the caller's.
_KNOWN: Final[Mapping[type[Exception], tuple[int, str]]] = {
    MalformedRequest: (400, "The body cannot be read"),
    Unauthorized: (401, "The caller is not known"),
    Forbidden: (403, "The caller may not do this"),
    NotFound: (404, "There is no such thing"),
    Conflict: (409, "That does not fit what is the case now"),
    BodyTooLarge: (413, "The body is too large"),
    InvalidRequest: (422, "The request is wrong"),
    ExpressionError: (422, "The filter expression is wrong"),
    ConfigError: (500, "Something went wrong here"),
    InputError: (422, "The request is wrong"),
    RateLimited: (429, "Too many calls"),
    ReleaseError: (409, "The release cannot be used"),
    UnavailableError: (503, "A part of the service is away"),
}
_UNEXPECTED: Final = "the service failed on this request; its log has more under the request id"
_HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed", 400: "malformed_request"}


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is told about an error; `members` stand beside the standard ones."""

    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, object] = field(default_factory=dict)


def problem_of(error: Exception, request_id: str) -> Response:
    """Return the answer to any exception; an unexpected one is told by its request id only."""
    told = _http_problem(error) if isinstance(error, HTTPException) else _own_problem(error)
    body = {
        "type": f"urn:recsys:problem:{told.code}",
        "title": told.title,
        "status": told.status,
        "detail": told.detail,
        "code": told.code,
        "request_id": request_id,
        **told.members,
    }
    return Response(orjson.dumps(body), told.status, dict(told.headers), PROBLEM_JSON)


def _own_problem(error: Exception) -> _Problem:
    status, title = _status_and_title(error)
    if status == 500 or not isinstance(error, RecsysError):
        return _Problem(500, "internal", title, _UNEXPECTED)
    return _Problem(status, error.code, title, str(error), _headers(error), _members(error))


def _status_and_title(error: Exception) -> tuple[int, str]:
    for kind in type(error).__mro__:
        if known := _KNOWN.get(kind):
            return known
    return 500, "Something went wrong here"


def _http_problem(error: HTTPException) -> _Problem:
    """A refusal by the web framework itself: no such route, method not allowed."""
    code = _HTTP_CODES.get(error.status_code, "refused")
    title = HTTPStatus(error.status_code).phrase
    detail = str(error.detail) if error.detail != title else _path_detail(error.status_code)
    return _Problem(error.status_code, code, title, detail, error.headers or {})


def _path_detail(status: int) -> str:
    words = {404: "there is no such route; see /docs", 405: "the route does not take this method; see /docs"}
    return words.get(status, HTTPStatus(status).description)


def _headers(error: RecsysError) -> dict[str, str]:
    headers = {}
    wait: Any = getattr(error, "retry_after_s", None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _members(error: RecsysError) -> dict[str, object]:
    members: dict[str, object] = {}
    if isinstance(error, InvalidRequest) and error.errors:
        members["errors"] = [_plain(mistake) for mistake in error.errors]
    position = getattr(error, "position", None)
    if position is not None:
        members["position"] = position
    return members


def _plain(mistake: FieldError) -> dict[str, object]:
    return {"field": mistake.field, "message": mistake.message, "nearest": mistake.nearest}
