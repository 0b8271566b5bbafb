"""The shapes that cross borders: events, items with offers, users. Plain frozen values, no behaviour.

Times are integer milliseconds since the Unix epoch in UTC, everywhere inside; RFC 3339 exists at the edges only.
Ids are opaque strings of 1-128 printable characters. Vocabulary: docs/glossary.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

__all__ = [
    "CLIENT_TYPES",
    "EVENT_CODES",
    "ITEM_KINDS",
    "NEGATIVE_TYPES",
    "POSITIVE_TYPES",
    "SERVER_TYPES",
    "Consent",
    "Event",
    "EventType",
    "Item",
    "Offer",
    "Promo",
    "Scalar",
    "User",
]

Scalar = str | int | float | bool


class EventType(StrEnum):
    """The closed family of event types; `impression` is seen by the shopper, `served` is written by the server."""

    PAGE_VIEW = "page_view"
    VIEW = "view"
    CLICK = "click"
    SEARCH = "search"
    FAVORITE = "favorite"
    CART = "cart"
    UNCART = "uncart"
    ORDER = "order"
    PURCHASE = "purchase"
    CANCEL = "cancel"
    RETURN = "return"
    SHARE = "share"
    RATING = "rating"
    COUPON = "coupon"
    IMPRESSION = "impression"
    SERVED = "served"


# Stable small integers for arrays and stored histories: append only, never renumber.
EVENT_CODES: Final[Mapping[EventType, int]] = {kind: code for code, kind in enumerate(EventType)}
SERVER_TYPES: Final = frozenset({EventType.SERVED})
CLIENT_TYPES: Final = frozenset(EventType) - SERVER_TYPES
# What a model may read as interest in an item, and what takes such interest back.
POSITIVE_TYPES: Final = frozenset(
    {EventType.VIEW, EventType.CLICK, EventType.FAVORITE, EventType.CART, EventType.PURCHASE, EventType.SHARE}
)
NEGATIVE_TYPES: Final = frozenset({EventType.UNCART, EventType.CANCEL, EventType.RETURN})
ITEM_KINDS: Final = ("product", "content", "live", "coupon", "store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `event_id` is the idempotency key; at least one of `user_id`, `session_id` is set."""

    event_id: str
    type: EventType
    timestamp: int
    received_at: int | None = None
    user_id: str | None = None
    session_id: str | None = None
    item_id: str | None = None
    sku: str | None = None
    order_id: str | None = None
    quantity: float | None = None
    price: float | None = None
    currency: str | None = None
    discount: float | None = None
    coupon_id: str | None = None
    channel: str | None = None
    slot: str | None = None
    recomm_id: str | None = None
    position: int | None = None
    query: str | None = None
    rating: float | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Scalar] = field(default_factory=dict)
    test: bool = False
    detail: Mapping[str, object] | None = None
    """Only on `served`: ranked items, scores, release, arm (ARCHITECTURE.md §3)."""
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Promo:
    """A promotional price, valid in [start, end)."""

    price: float
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be put in a cart: one sellable unit of an item in one market and channel. `stock` None = untracked."""

    sku: str
    market: str | None = None
    channel: str | None = None
    currency: str | None = None
    list_price: float | None = None
    price: float | None = None
    promo: Promo | None = None
    cost: float | None = None
    stock: float | None = None
    available: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A product (SPU) or another listable thing. `category` is a path such as `Home > Kitchen > Mugs`."""

    item_id: str
    kind: str = "product"
    titles: Mapping[str, str] = field(default_factory=dict)
    category: str | None = None
    brand: str | None = None
    seller_id: str | None = None
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    image_url: str | None = None
    url: str | None = None
    restricted: tuple[str, ...] = ()
    created_at: int | None = None
    updated_at: int | None = None
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a shopper allows, by purpose."""

    personalize: bool = True
    market: bool = True
    train: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A shopper's open attributes (age band, member level, …) and consent."""

    user_id: str
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    consent: Consent = Consent()
    updated_at: int | None = None
