"""Wire shapes of lists: what a storefront asks and what it gets."""

from typing import Annotated, Any, Literal

from pydantic import Field

from serving.schemas.base import Answer, Identifier, Language, Query, Request, Slot
from serving.schemas.events import SessionEvent

__all__ = [
    "Boost",
    "NextQuery",
    "Recommendation",
    "RecommendationRequest",
    "RecommendedItem",
]

ContextName = Annotated[str, Field(min_length=1, max_length=64)]
ContextValue = Annotated[str, Field(max_length=256)] | int | float | bool
FieldName = Annotated[str, Field(min_length=1, max_length=160)]
FilterText = Annotated[str, Field(min_length=1, max_length=16_384)]


class Boost(Request):
    """Multiplies the score of the items a filter keeps."""

    filter: FilterText = Field(examples=['"vegan" in tags'])
    """Which items, in the filter language."""
    factor: float = Field(gt=0, le=100, examples=[1.5])
    """Above 1 lifts, below 1 lowers."""


class RecommendationRequest(Request):
    """One list. Without `item_ids` it is "guess you like", with them what goes with those items."""

    user_id: Identifier | None = Field(default=None, examples=["shopper-1"])
    """A known shopper; a browser key needs the shopper's `X-Shopper-Token`."""
    session_id: Identifier | None = Field(default=None, examples=["session-9f2c"])
    """An anonymous (or the current) session."""
    slot: Slot = Field(default="home", examples=["home", "buy-again", "continue", "detail", "cart"])
    """The place in the storefront. `home` shows few items the shopper has seen before, and none that was just bought
    and is bought once; `buy-again` and `continue` show only what the shopper bought, or looked at and did not buy, and
    may be short; every other name, and a list with `item_ids`, has no such rule."""
    item_ids: list[Identifier] = Field(default_factory=list, max_length=100, examples=[["1029743"]])
    """The items at hand: one for a detail page, several for a cart."""
    events: list[SessionEvent] = Field(
        default_factory=list, max_length=500, examples=[[{"type": "view", "item_id": "1029743"}]]
    )
    """What happened in this session and was not posted; used for this list, never stored."""
    num: int = Field(default=20, ge=1, le=200, examples=[20])
    """How many items."""
    language: Language | None = Field(default=None, examples=["zh"])
    """Of titles and reasons; the shop's first language when absent."""
    filter: FilterText | None = Field(default=None, examples=['category under "GROCERY" and price < 50'])
    """Which items may be listed, in the filter language."""
    boost: list[Boost] = Field(
        default_factory=list, max_length=20, examples=[[{"filter": '"vegan" in tags', "factor": 1.5}]]
    )
    """Lifts or lowers some items."""
    exclude_ids: list[Identifier] = Field(default_factory=list, max_length=5000, examples=[["952163"]])
    """Items that may not be listed."""
    context: dict[ContextName, ContextValue] = Field(
        default_factory=dict, max_length=32, examples=[{"device": "phone", "channel": "app"}]
    )
    """Of the moment: device, hour, region, …; `market` and `channel` choose the offer that is shown."""
    diversity: float = Field(default=0.0, ge=0, le=1, examples=[0.3])
    """0 for the best scores only, 1 for the most varied list."""
    return_items: bool = Field(default=False, examples=[True])
    """Whether `attributes` of each item is filled."""
    fields: list[FieldName] = Field(
        default_factory=list, max_length=64, examples=[["title", "price", "attributes.colour"]]
    )
    """Which attributes to fill; implies `return_items`."""
    explain: bool = Field(default=False, examples=[False])
    """Adds a `trace` to each item (its sources and ranks and what touched it) and `sources` to the list: how many items
    each proposed and how it searched. Not for browser keys."""
    why_not: Identifier | None = Field(default=None, examples=["819063"])
    """Names the first stage that dropped this item. Not for browser keys."""
    personalization: Literal["full", "session", "none"] = Field(default="full", examples=["full"])
    """`session` reads only this session, `none` nothing of the shopper."""
    max_staleness_s: float | None = Field(default=None, ge=0, examples=[86_400])
    """Rather a 503 (`too_stale`) than a list from a release, or from prices and stock, known longer ago."""
    dry_run: bool = Field(default=False, examples=[False])
    """Leaves no trace: no `served` event, no next page."""
    seed: int | None = Field(default=None, ge=0, lt=2**53, examples=[7])
    """The same call with the same seed gives the same list."""


class NextQuery(Query):
    """The next page of a list."""

    num: int | None = Field(default=None, ge=1, le=200, examples=[20])
    """How many items; as many as the first page asked for when absent."""


class Reason(Answer):
    """Why an item stands in the list."""

    code: str = Field(examples=["together"])
    text: str = Field(examples=["Goes with Baby Carrots"])
    """In the language of the request."""
    source_item_id: str | None = Field(examples=["1029743"])


class RecommendedItem(Answer):
    """One item of a list."""

    item_id: str = Field(examples=["952163"])
    sku: str | None = Field(examples=["952163"])
    """The offer to show; null for an item without offers."""
    score: float = Field(examples=[0.83])
    """Comparable within this list only."""
    position: int = Field(examples=[1])
    """From 1; cite it in impressions and clicks."""
    reason: Reason
    attributes: dict[str, Any] = Field(examples=[{"title": "Baby Carrots", "price": 1.99}])
    trace: dict[str, Any] | None = Field(
        default=None, examples=[{"source_ranks": {"together": 3}, "score": 0.83}]
    )
    """Only with `explain`."""


class Model(Answer):
    """What ranked the list."""

    name: str = Field(examples=["default"])
    version: str = Field(examples=["3f9c1a7be0d24c55"])


class Freshness(Answer):
    """How recent the ingredients are."""

    release_id: str = Field(examples=["3f9c1a7be0d24c55"])
    release_age_s: float = Field(examples=[3600.0])
    events_lag_ms: int | None = Field(examples=[0])
    """How far the shopper's events may trail; null when they could not be read."""
    rules_version: str | None = Field(examples=[None])
    """Null while no rules are published."""


class Experiment(Answer):
    """The experiment a list is part of."""

    id: str = Field(examples=["home-2026-11"])
    arm: str = Field(examples=["control"])


class SourceUse(Answer):
    """What one source did for a list."""

    proposed: int = Field(examples=[60])
    """Items it proposed, before they were ranked together."""
    search: Literal["exact", "flat", "ivf"] | None = Field(examples=["exact"])
    """How it searched its vectors, which depends on the filter: `exact` compared the shopper with each allowed item,
    `flat` and `ivf` (inverted lists) used the index as it was built; null for a source without vectors."""
    share: float | None = Field(examples=[0.08])
    """Items it was allowed to find, of all; null for a source without vectors."""


class Recommendation(Answer):
    """A list and where it comes from."""

    recomm_id: str = Field(examples=["019ab2f4-5d0e-7cc3-9f25-6a1f0e8b7d11"])
    """Cite it in impressions, clicks and purchases."""
    slot: str = Field(examples=["home"])
    items: list[RecommendedItem]
    fallback_used: str | None = Field(examples=[None])
    """The level that made the list when nothing is known of the shopper: segment, category, trending."""
    degraded: list[str] = Field(examples=[[]])
    """Parts that were away or late."""
    notices: list[str] = Field(examples=[[]])
    """`short_list`, `empty_by_filter`, …"""
    experiment: Experiment | None = Field(examples=[None])
    model: Model
    freshness: Freshness
    why_not: dict[str, Any] | None = Field(
        default=None, examples=[{"item_id": "819063", "stage": "filtered"}]
    )
    """Only when asked: the stage that dropped the item, and how many items each stage dropped."""
    sources: dict[str, SourceUse] | None = Field(
        default=None, examples=[{"taste": {"proposed": 60, "search": "exact", "share": 0.08}}]
    )
    """Only with `explain`."""
    took_ms: float = Field(examples=[1.2])
