"""Errors of `serving`; HTTP status and title of each are written in one place, `serving/wire/problems.py`.

RecsysError
├── ServingError            base of what an HTTP request can be refused with
│   ├── MalformedRequest    not readable at all: not JSON, not UTF-8, nested too deeply
│   ├── Unauthorized     no key, or one that is unknown, revoked or expired
│   ├── Forbidden           a known key that may not do this
│   ├── NotFound            the named thing does not exist
│   ├── BodyTooLarge        more bytes than the route takes
│   ├── InvalidRequest      readable but wrong; one `FieldError` per mistake
│   │   └── InvalidFilter   a filter expression, with the position of the mistake
│   ├── Conflict            right by itself, but not as things stand
│   └── RateLimited         too many calls of a browser key
└── UnavailableError
    ├── NotReady            no release is loaded yet
    ├── TooStale            what there is, is older than the caller accepts
    └── Overloaded          more requests than this process can answer in time
"""

from collections.abc import Sequence
from dataclasses import dataclass

from recsys.errors import RecsysError, UnavailableError

__all__ = [
    "BodyTooLarge",
    "Conflict",
    "FieldError",
    "Forbidden",
    "InvalidFilter",
    "InvalidRequest",
    "MalformedRequest",
    "NotFound",
    "NotReady",
    "Overloaded",
    "RateLimited",
    "ServingError",
    "TooStale",
    "Unauthorized",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One mistake: the dotted path of the field, what is wrong, and the known name the caller may have meant."""

    field: str
    message: str
    nearest: str | None = None


class ServingError(RecsysError):
    """A request that is refused."""


class MalformedRequest(ServingError):
    """The body cannot be read."""

    code = "malformed_request"


class Unauthorized(ServingError):
    """The caller is not known."""

    code = "unauthorized"


class Forbidden(ServingError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(ServingError):
    """The thing named in the path does not exist."""

    code = "not_found"


class BodyTooLarge(ServingError):
    """The body is larger than the route takes."""

    code = "body_too_large"


class InvalidRequest(ServingError):
    """The request can be read and is wrong; `errors` names each mistake."""

    code = "invalid_request"

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class InvalidFilter(InvalidRequest):
    """The filter expression of `field` is wrong at `position` (0-based offset into the text)."""

    code = "invalid_expression"

    def __init__(self, field: str, message: str, position: int) -> None:
        super().__init__(f"{field}: {message}", [FieldError(field=field, message=message)])
        self.position = position


class Conflict(ServingError):
    """The request does not fit what is the case now."""

    code = "conflict"


class RateLimited(ServingError):
    """A browser key called too often."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(UnavailableError):
    """No release is loaded yet."""

    code = "not_ready"


class TooStale(UnavailableError):
    """The answer would be older than the caller accepts; `retry_after_s` when to look again."""

    code = "too_stale"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(UnavailableError):
    """This process has more to do than it can do in time."""

    code = "overloaded"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
