"""Wire shapes of events: rows that are posted and kept, and a session's events that come with a request."""

from typing import Literal

from pydantic import Field

from recsys.types import CLIENT_TYPES, EventType
from serving.schemas.base import Answer, Identifier, Request, Scalar
from serving.times import Moment

__all__ = ["EventRow", "EventsAnswer", "EventsRequest", "RejectedRow", "SessionEvent"]

ClientType = Literal[
    "page_view",
    "view",
    "click",
    "search",
    "favorite",
    "cart",
    "uncart",
    "order",
    "purchase",
    "cancel",
    "return",
    "share",
    "rating",
    "coupon",
    "impression",
]
assert set(ClientType.__args__) == {kind.value for kind in CLIENT_TYPES}  # type: ignore[attr-defined]  # noqa: S101


class _EventFields(Request):
    """What every event may say."""

    type: ClientType = Field(examples=["view"])
    """What happened."""
    user_id: Identifier | None = Field(default=None, examples=["shopper-1"])
    """The known shopper; `user_id` or `session_id` is needed."""
    session_id: Identifier | None = Field(default=None, examples=["session-9f2c"])
    """The session; without it 30 minutes of silence end one."""
    item_id: Identifier | None = Field(default=None, examples=["1029743"])
    """The item; optional for page_view and search."""
    sku: Identifier | None = Field(default=None, examples=["1029743-500g"])
    """The offer, where it is known."""
    order_id: Identifier | None = Field(default=None, examples=["order-77"])
    quantity: float | None = Field(default=None, ge=0, le=1e9, examples=[2])
    price: float | None = Field(default=None, ge=0, le=1e12, examples=[1.99])
    """Per unit."""
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$", examples=["CNY"])
    discount: float | None = Field(default=None, ge=0, le=1e12, examples=[0.5])
    coupon_id: Identifier | None = Field(default=None, examples=["SUMMER-10"])
    channel: str | None = Field(default=None, min_length=1, max_length=64, examples=["app"])
    slot: Identifier | None = Field(default=None, examples=["home"])
    recomm_id: Identifier | None = Field(default=None, examples=["019ab2f4-5d0e-7cc3-9f25-6a1f0e8b7d11"])
    """The list the item was seen in; needed for an impression."""
    position: int | None = Field(default=None, ge=0, le=100_000, examples=[1])
    """Its place in that list; needed for an impression."""
    query: str | None = Field(default=None, max_length=1024, examples=["baby carrots"])
    """What was searched; needed for a search."""
    rating: float | None = Field(default=None, ge=0, le=5, examples=[4.5])
    """Needed for a rating."""
    source: dict[str, str] | None = Field(
        default=None, max_length=32, examples=[{"utm_source": "newsletter"}]
    )
    """Where the visit came from: utm_*, landing, referrer_id."""
    context: dict[str, Scalar] | None = Field(default=None, max_length=32, examples=[{"device": "phone"}])
    test: bool = Field(default=False, examples=[False])
    """Kept, and read by nothing that learns or counts."""


class EventRow(_EventFields):
    """One event as it is posted."""

    event_id: Identifier = Field(examples=["e-20261122-000017"])
    """Makes a retry harmless: the first event with an id wins."""
    timestamp: Moment = Field(examples=["2026-11-22T09:30:00+08:00"])
    """When it happened."""
    schema_: Literal[1] = Field(default=1, alias="schema", examples=[1])
    """Version of these fields."""


class SessionEvent(_EventFields):
    """One event that comes with a request for a list; only type, item and time are read."""

    event_id: Identifier | None = Field(default=None, examples=["e-20261122-000017"])
    timestamp: Moment | None = Field(default=None, examples=["2026-11-22T09:30:00+08:00"])
    """When it happened; now when absent."""

    @property
    def kind(self) -> EventType:
        """The type as a member of the family."""
        return EventType(self.type)


class EventsRequest(Request):
    """Up to 500 events; the bare list and JSON lines (`application/x-ndjson`) are taken as well."""

    events: list[EventRow] = Field(
        max_length=500,
        examples=[
            [
                {
                    "event_id": "e-20261122-000017",
                    "type": "view",
                    "session_id": "session-9f2c",
                    "item_id": "1029743",
                    "timestamp": "2026-11-22T09:30:00+08:00",
                }
            ]
        ],
    )


class RejectedRow(Answer):
    """A row that was not taken."""

    index: int = Field(examples=[3])
    """Its place in the list, from 0."""
    code: str = Field(examples=["unknown_field"])
    message: str = Field(examples=["unknown field 'itemid'; did you mean 'item_id'?"])
    field: str | None = Field(default=None, examples=["itemid"])


class EventsAnswer(Answer):
    """What became of each row; the accepted ones are durable."""

    accepted: int = Field(examples=[1])
    duplicates: int = Field(examples=[0])
    """Posted before with the same content."""
    rejected: list[RejectedRow]
