"""The three verdicts of a check on data."""

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """The verdict of a check."""

    PASS = "PASS"  # noqa: S105 - not a password
    WARN = "WARN"
    FAIL = "FAIL"
