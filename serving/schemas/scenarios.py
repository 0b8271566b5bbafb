"""Wire shapes of scenario halls (场景馆)."""

from typing import Literal

from pydantic import Field

from serving.schemas.base import Answer, Identifier, Language, Query
from serving.schemas.recommendations import Experiment, Freshness, Model, RecommendedItem

__all__ = ["Hall", "HallHead", "HallQuery", "Halls", "ShopperQuery"]


class ShopperQuery(Query):
    """For whom, and in which language."""

    user_id: Identifier | None = Field(default=None, examples=["shopper-1"])
    """A known shopper; a browser key needs the shopper's `X-Shopper-Token`."""
    session_id: Identifier | None = Field(default=None, examples=["session-9f2c"])
    """An anonymous (or the current) session."""
    language: Language | None = Field(default=None, examples=["zh"])
    """Of titles, copy and reasons."""


class HallQuery(ShopperQuery):
    """How a hall is filled."""

    market: Identifier | None = Field(default=None, examples=["CN"])
    """Chooses the offers that are shown."""
    channel: Identifier | None = Field(default=None, examples=["app"])
    """Chooses the offers that are shown."""
    return_items: bool = Field(default=False, examples=[True])
    """Whether `attributes` of each item is filled."""
    personalization: Literal["full", "session", "none"] = Field(default="full", examples=["full"])
    """`session` reads only this session, `none` nothing of the shopper."""
    dry_run: bool = Field(default=False, examples=[False])
    """Leaves no trace: no `served` event."""
    seed: int | None = Field(default=None, ge=0, lt=2**53, examples=[7])
    """The same call with the same seed gives the same shelves."""


class HallHead(Answer):
    """A hall without its shelves."""

    slug: str = Field(examples=["weekend-kitchen"])
    title: str = Field(examples=["Weekend kitchen"])
    copy_: str = Field(alias="copy", examples=["Two slow days, one warm oven."])
    audience: str | None = Field(examples=['user.member_level = "gold"'])
    """Whom it is for, in the filter language; null for everybody. Browsers are not told."""


class Halls(Answer):
    """The halls of a shopper, in their order."""

    scenarios: list[HallHead]


class FilledShelf(Answer):
    """A shelf; one that would be nearly empty is left out."""

    name: str = Field(examples=["Fresh from the market"])
    strategy: Literal["for_you", "buy_again", "trending"] = Field(examples=["for_you"])
    items: list[RecommendedItem]
    """No item stands twice on a page; positions count through it."""


class Hall(HallHead):
    """A hall with its shelves."""

    recomm_id: str = Field(examples=["019ab2f4-5d0e-7cc3-9f25-6a1f0e8b7d11"])
    """Of the whole page; cite it in impressions, clicks and purchases."""
    shelves: list[FilledShelf]
    fallback_used: str | None = Field(examples=[None])
    degraded: list[str] = Field(examples=[[]])
    notices: list[str] = Field(examples=[[]])
    experiment: Experiment | None = Field(examples=[None])
    model: Model
    freshness: Freshness
    took_ms: float = Field(examples=[4.2])
