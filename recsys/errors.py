"""Errors of `recsys`; every one has a stable `code` that the edges map to exit codes and HTTP.

RecsysError                 base of every error the product raises on purpose
├── InputError              the caller's value is wrong; the message names it and the next step
│   ├── ExpressionError     a filter expression, with the position of the mistake
│   └── ConfigError         a configuration file or value
├── ReleaseError            a release folder or blob that cannot be used
│   ├── ReleaseCorrupt      a hash does not match
│   └── ReleaseIncompatible written by another format version
└── UnavailableError        a part is away; the caller may try again later
"""

from typing import ClassVar

__all__ = [
    "ConfigError",
    "ExpressionError",
    "InputError",
    "RecsysError",
    "ReleaseCorrupt",
    "ReleaseError",
    "ReleaseIncompatible",
    "UnavailableError",
]


class RecsysError(Exception):
    """Base of all deliberate errors."""

    code: ClassVar[str] = "internal"


class InputError(RecsysError):
    """A value from the caller is wrong."""

    code = "invalid_input"


class ExpressionError(InputError):
    """A filter expression is wrong at `position` (0-based offset into the text)."""

    code = "invalid_expression"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at position {position})")
        self.position = position


class ConfigError(InputError):
    """A configuration file or value is wrong."""

    code = "invalid_config"


class ReleaseError(RecsysError):
    """A release cannot be used."""

    code = "release_unusable"


class ReleaseCorrupt(ReleaseError):
    """A file of the release does not match its hash."""

    code = "release_corrupt"


class ReleaseIncompatible(ReleaseError):
    """The release was written by a format this code does not read."""

    code = "release_incompatible"


class UnavailableError(RecsysError):
    """A part is away (store, database); nothing was acknowledged."""

    code = "unavailable"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
