"""The vocabulary of field tables: what a field may hold, and what a refusal of a row says.

A table of `Field`s is the only place where names, kinds and bounds are written; the row validator, the
columnar validator and the Arrow schema are derived from it. Codes of rejections are stable, messages are for
people.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

__all__ = [
    "EARLIEST",
    "MAX_FUTURE",
    "CellError",
    "Field",
    "Kind",
    "Policy",
    "Rejection",
    "RowError",
    "nearest",
    "table_of",
]

# Integer seconds read as milliseconds land in January 1970: refusing times before 2000 catches that mistake.
EARLIEST = 946_684_800_000
# Clocks of phones are wrong by hours and zones by up to a day; anything later is a mistake in the data.
MAX_FUTURE = 24 * 3_600_000


class Kind(StrEnum):
    """How a cell is read."""

    ID = "id"
    TEXT = "text"
    CODE = "code"
    CHOICE = "choice"
    NUMBER = "number"
    INTEGER = "integer"
    TIME = "time"
    FLAG = "flag"
    MAP = "map"
    LIST = "list"
    NESTED = "nested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: bounds are inclusive, `length` counts characters (or entries of a map or list)."""

    name: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    length: int = 128
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """CODE: what the whole value matches; MAP: what every key matches."""
    required_for: frozenset[str] = frozenset()
    """Values of `type` for which the field must be present."""
    unless: str | None = None
    """Another field that may stand in for a required one."""
    past: bool = False
    """TIME: refused when later than now plus MAX_FUTURE."""
    server: bool = False
    """Written by the product only; a client that sends it is refused."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How rows are read: `now` in ms, `timezone` for naive times; files may hold numbers and maps as text."""

    now: int
    timezone: ZoneInfo | None = None
    from_file: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row is refused: stable `code`, human `message`, the `field` if one is to blame."""

    code: str
    message: str
    field: str | None = None


class CellError(Exception):
    """A cell cannot be read; never leaves the validators."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RowError(Exception):
    """A row is refused; never leaves the validators."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.message)
        self.rejection = rejection


def table_of(fields: Iterable[Field]) -> Mapping[str, Field]:
    """Fields by name, in the order of the table (the order in which cells are judged)."""
    return {field.name: field for field in fields}


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'price'?`, or nothing when no known name is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
