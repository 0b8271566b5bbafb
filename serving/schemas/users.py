"""Wire shapes of shoppers: attributes, consent, and which ids are one person."""

from pydantic import Field

from serving.schemas.base import Answer, Identifier, Request, Scalar
from serving.schemas.items import Name
from serving.times import Moment

__all__ = [
    "ConsentBody",
    "ConsentPatch",
    "MergeAnswer",
    "MergeRequest",
    "UnmergeRequest",
    "UserAnswer",
    "UserBody",
    "UserPatch",
    "UserRow",
    "UsersRequest",
]


class ConsentBody(Request):
    """What the shopper allows, by purpose."""

    personalize: bool = Field(default=True, examples=[True])
    """Lists made for this shopper."""
    market: bool = Field(default=True, examples=[True])
    """Campaigns and audiences."""
    train: bool = Field(default=True, examples=[True])
    """Learning from the shopper's events."""


class ConsentPatch(Request):
    """What changes; an absent purpose stays."""

    personalize: bool | None = Field(default=None, examples=[False])
    market: bool | None = Field(default=None, examples=[False])
    train: bool | None = Field(default=None, examples=[True])


class UserBody(Request):
    """A whole shopper."""

    user_id: Identifier | None = Field(default=None, examples=["shopper-1"])
    """As in the path, if it is given at all."""
    attributes: dict[Name, Scalar] = Field(
        default={}, max_length=256, examples=[{"age_band": "25-34", "member_level": "gold"}]
    )
    """Open: age band, gender, region, member level, acquisition channel, …"""
    consent: ConsentBody = Field(default=ConsentBody(), examples=[{"personalize": True}])
    updated_at: Moment | None = Field(default=None, examples=["2026-11-22T09:30:00+08:00"])
    """When this became true; now when absent. An older version than the stored one changes nothing."""


class UserRow(UserBody):
    """A shopper of a list."""

    user_id: Identifier = Field(examples=["shopper-1"])


class UsersRequest(Request):
    """Shoppers as `{"users": [...]}`, a bare list, or JSON lines."""

    users: list[UserRow] = Field(
        examples=[[{"user_id": "shopper-1", "attributes": {"member_level": "gold"}}]]
    )


class UserPatch(Request):
    """A change of a shopper: what is absent stays; `attributes` change name by name, null removes one."""

    user_id: Identifier | None = Field(default=None, examples=["shopper-1"])
    attributes: dict[Name, Scalar | None] = Field(
        default={}, max_length=256, examples=[{"member_level": "gold"}]
    )
    consent: ConsentPatch = Field(default=ConsentPatch(), examples=[{"market": False}])
    updated_at: Moment | None = Field(default=None, examples=["2026-11-22T09:30:00+08:00"])


class MergeRequest(Request):
    """From now on `from` is read as `into`: an anonymous session that logged in, a channel's id."""

    from_: Identifier = Field(alias="from", examples=["session-9f2c"])
    into: Identifier = Field(examples=["shopper-1"])
    at: Moment | None = Field(default=None, examples=["2026-11-22T09:30:00+08:00"])
    """Since when; now when absent."""


class UnmergeRequest(Request):
    """Takes a merge back; raw events were never rewritten."""

    from_: Identifier = Field(alias="from", examples=["session-9f2c"])
    into: Identifier = Field(examples=["shopper-1"])
    at: Moment | None = Field(default=None, examples=["2026-11-22T10:00:00+08:00"])


class MergeAnswer(Answer):
    """The ids that are one shopper now, the main one first."""

    changed: bool = Field(examples=[True])
    """False when it was so already."""
    group: list[str] = Field(examples=[["shopper-1", "session-9f2c"]])


class ConsentAnswer(Answer):
    """What the shopper allows."""

    personalize: bool = Field(examples=[True])
    market: bool = Field(examples=[True])
    train: bool = Field(examples=[True])


class UserAnswer(Answer):
    """A shopper as stored."""

    user_id: str = Field(examples=["shopper-1"])
    attributes: dict[str, Scalar] = Field(examples=[{"member_level": "gold"}])
    consent: ConsentAnswer
    updated_at: str | None = Field(default=None, examples=["2026-11-22T01:30:00.000Z"])
