"""The event family: one table of fields, and the row validator that the API uses.

Every other reader of events (columns of a file, Arrow schema) is derived from `EVENT_FIELDS`. An event needs
a shopper (`user_id` or `session_id`) and, unless it is a page view or a search, a thing (`item_id` or `sku`).
"""

from collections.abc import Mapping
from typing import Final, cast
from zoneinfo import ZoneInfo

from feature_store.records.fields import Field, Kind, Policy, Rejection, RowError, table_of
from feature_store.records.rows import clean_row, refuse
from recsys.types import CLIENT_TYPES, SERVER_TYPES, Event, EventType

__all__ = ["EVENT_FIELDS", "NO_ITEM_TYPES", "clean_event", "validate_row"]

_EVERY = frozenset(kind.value for kind in CLIENT_TYPES)
NO_ITEM_TYPES: Final = frozenset({EventType.PAGE_VIEW.value, EventType.SEARCH.value})
_MONEY: Final = 1e12

EVENT_FIELDS: Final[Mapping[str, Field]] = table_of(
    (
        Field(name="event_id", kind=Kind.ID),
        Field(
            name="type",
            kind=Kind.CHOICE,
            choices=tuple(kind.value for kind in EventType if kind in CLIENT_TYPES),
            required_for=_EVERY,
        ),
        Field(name="timestamp", kind=Kind.TIME, past=True, required_for=_EVERY),
        Field(name="received_at", kind=Kind.TIME, server=True),
        Field(name="user_id", kind=Kind.ID, required_for=_EVERY, unless="session_id"),
        Field(name="session_id", kind=Kind.ID),
        Field(name="item_id", kind=Kind.ID, required_for=_EVERY - NO_ITEM_TYPES, unless="sku"),
        Field(name="sku", kind=Kind.ID),
        Field(name="order_id", kind=Kind.ID),
        Field(name="quantity", kind=Kind.NUMBER, low=0, high=1e9),
        Field(name="price", kind=Kind.NUMBER, low=0, high=_MONEY),
        Field(name="currency", kind=Kind.CODE, pattern="[A-Z]{3}"),
        Field(name="discount", kind=Kind.NUMBER, low=0, high=_MONEY),
        Field(name="coupon_id", kind=Kind.ID),
        Field(name="channel", kind=Kind.ID, length=64),
        Field(name="slot", kind=Kind.ID),
        Field(name="recomm_id", kind=Kind.ID, required_for=frozenset({EventType.IMPRESSION.value})),
        Field(
            name="position",
            kind=Kind.INTEGER,
            low=0,
            high=100_000,
            required_for=frozenset({EventType.IMPRESSION.value}),
        ),
        Field(name="query", kind=Kind.TEXT, length=1024, required_for=frozenset({EventType.SEARCH.value})),
        Field(
            name="rating", kind=Kind.NUMBER, low=0, high=5, required_for=frozenset({EventType.RATING.value})
        ),
        Field(name="source", kind=Kind.MAP, length=32, pattern="utm_[a-z_]+|landing|referrer_id"),
        Field(name="context", kind=Kind.MAP, length=32),
        Field(name="test", kind=Kind.FLAG),
        Field(name="detail", kind=Kind.NESTED, server=True),
        Field(name="schema", kind=Kind.INTEGER, low=1, high=1),
    )
)


def validate_row(
    row: Mapping[str, object], now: int, *, timezone: ZoneInfo | None = None, from_file: bool = False
) -> Event | Rejection:
    """The event in `row` (field names → JSON values), or why it is refused; `now` in ms bounds the future.

    `from_file` also admits numbers, flags and maps written as text, as CSV has them.
    """
    policy = Policy(now, timezone, from_file)
    try:
        clean = clean_event(row, policy)
        if "event_id" not in clean:
            raise refuse("missing_field", "event_id is required: it makes a retry harmless", "event_id")
    except RowError as error:
        return error.rejection
    clean["type"] = EventType(cast(str, clean["type"]))
    return Event(**clean)  # type: ignore[arg-type]  # the table has read every cell


def clean_event(row: Mapping[str, object], policy: Policy) -> dict[str, object]:
    """The clean cells of an event row, `type` as text, or RowError. `event_id` may be missing (files)."""
    if isinstance(sent := row.get("type"), str) and sent in SERVER_TYPES:
        raise refuse("server_only", f"type: {sent!r} events are written by the server only", "type")
    clean = clean_row(EVENT_FIELDS, row, policy)
    kind = clean.get("type")
    if kind is None:
        raise refuse("missing_field", "type is required", "type")
    for name, field, or_else in _REQUIRED:
        if name not in clean and kind in field.required_for and field.unless not in clean:
            raise refuse("missing_field", f"{name}{or_else} is required for a {kind} event", name)
    for name in ("source", "context"):
        if not clean.get(name, True):
            del clean[name]
    return clean


_REQUIRED: Final = tuple(
    (name, field, f" or {field.unless}" if field.unless else "")
    for name, field in EVENT_FIELDS.items()
    if field.required_for
)
