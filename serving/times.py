"""The clock of a serving process, and times on the wire: RFC 3339 outside, ms since the epoch inside."""

from time import time_ns
from typing import Annotated

from pydantic import BeforeValidator

from feature_store.records.fields import CellError
from feature_store.records.times import parse_time

__all__ = ["Moment", "now_ms"]


def now_ms() -> int:
    """Now, in ms since the epoch."""
    return time_ns() // 1_000_000


def _read(value: object) -> int:
    try:
        return parse_time(value, None)
    except CellError as error:
        raise ValueError(str(error)) from None


Moment = Annotated[int, BeforeValidator(_read, json_schema_input_type=str | int)]
"""A time: RFC 3339 text with an offset, or ms since the epoch."""
