"""Wire shapes of items and offers: what a shop sends, and what it reads back."""

from typing import Annotated, Any, Literal

from pydantic import Field

from recsys.types import ITEM_KINDS
from serving.schemas.base import Answer, Identifier, Request, Scalar
from serving.times import Moment

__all__ = [
    "BulkAnswer",
    "ItemAnswer",
    "ItemBody",
    "ItemPatch",
    "ItemRow",
    "ItemsRequest",
    "OfferBody",
    "OfferFields",
    "OfferRow",
    "OffersRequest",
    "PromoBody",
    "WriteAnswer",
]

Kind = Literal["product", "content", "live", "coupon", "store"]
assert Kind.__args__ == ITEM_KINDS  # type: ignore[attr-defined]  # noqa: S101

Locale = Annotated[str, Field(pattern="^[a-z]{2,3}([-_][A-Za-z]{2,4})?$")]
Title = Annotated[str, Field(min_length=1, max_length=1024)]
Path = Annotated[str, Field(min_length=1, max_length=512)]
Link = Annotated[str, Field(min_length=1, max_length=2048)]
Money = Annotated[float, Field(ge=0, le=1e12)]
Words = Annotated[list[Identifier], Field(max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Attributes = Annotated[dict[Name, Scalar], Field(max_length=128)]


class PromoBody(Request):
    """A promotional price in [start, end)."""

    price: Money = Field(examples=[1.49])
    start: Moment | None = Field(default=None, examples=["2026-11-27T00:00:00+08:00"])
    end: Moment | None = Field(default=None, examples=["2026-12-01T00:00:00+08:00"])


class OfferFields(Request):
    """What can change about an offer."""

    market: Identifier | None = Field(default=None, examples=["CN"])
    """Where it is sold; everywhere when absent."""
    channel: Identifier | None = Field(default=None, examples=["app"])
    """Through what it is sold; everything when absent."""
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$", examples=["CNY"])
    list_price: Money | None = Field(default=None, examples=[2.49])
    """The price that is struck through."""
    price: Money | None = Field(default=None, examples=[1.99])
    promo: PromoBody | None = Field(default=None, examples=[{"price": 1.49}])
    cost: Money | None = Field(default=None, examples=[0.9])
    """What it costs the shop; never shown to browsers."""
    stock: float | None = Field(default=None, ge=-1e9, le=1e9, examples=[42])
    """Pieces left, below zero when oversold; untracked when absent."""
    available: bool = Field(default=True, examples=[True])


class OfferBody(OfferFields):
    """One sellable unit of an item."""

    sku: Identifier = Field(examples=["1029743-500g"])


class OfferRow(OfferFields):
    """A change of one offer: what is absent stays, null clears."""

    item_id: Identifier = Field(examples=["1029743"])
    sku: Identifier | None = Field(default=None, examples=["1029743-500g"])
    """The item's only offer when absent; a new one is added to the item."""


class OffersRequest(Request):
    """Offers as `{"offers": [...]}`, a bare list, or JSON lines."""

    offers: list[OfferRow] = Field(examples=[[{"item_id": "1029743", "price": 1.79, "stock": 12}]])


class _ItemFields(OfferFields):
    """What both a whole item and a change of one say."""

    item_id: Identifier | None = Field(default=None, examples=["1029743"])
    """As in the path, if it is given at all."""
    kind: Kind = Field(default="product", examples=["product"])
    category: Path | None = Field(default=None, examples=["GROCERY > VEGETABLES > CARROTS"])
    """A path from wide to narrow."""
    brand: Identifier | None = Field(default=None, examples=["Green Farm"])
    seller_id: Identifier | None = Field(default=None, examples=["seller-7"])
    tags: Words = Field(default=[], examples=[["vegan", "organic"]])
    attributes: Attributes = Field(default={}, examples=[{"colour": "orange", "weight_g": 500}])
    image_url: Link | None = Field(default=None, examples=["https://shop.example/1029743.jpg"])
    url: Link | None = Field(default=None, examples=["https://shop.example/p/1029743"])
    restricted: Words = Field(default=[], examples=[["adult"]])
    """Reasons why it is never listed."""
    created_at: Moment | None = Field(default=None, examples=["2026-10-01T00:00:00+08:00"])
    updated_at: Moment | None = Field(default=None, examples=["2026-11-22T09:30:00+08:00"])
    """When this became true; now when absent. An older version than the stored one changes nothing."""
    offers: list[OfferBody] | None = Field(
        default=None, max_length=256, examples=[[{"sku": "1029743-500g", "price": 1.99, "stock": 42}]]
    )
    """One by default, of the item's own id; none at all (`[]`) means that it cannot be bought."""


class ItemBody(_ItemFields):
    """A whole item. The fields of an offer may stand beside the item's own: they are its only offer then."""

    titles: dict[Locale, Title] = Field(
        default={}, max_length=32, examples=[{"en": "Baby carrots", "zh": "小胡萝卜"}]
    )
    """By language, the shop's first language first."""
    title: Title | None = Field(default=None, examples=["Baby carrots"])
    """Instead of `titles`, where there is one language: Chinese if it is written so, else English."""


class ItemRow(ItemBody):
    """An item of a list."""

    item_id: Identifier = Field(examples=["1029743"])


class ItemPatch(_ItemFields):
    """A change of an item: what is absent stays, null clears; `titles` and `attributes` change name by name.

    Offer fields change the only offer.
    """

    titles: dict[Locale, Title | None] = Field(default={}, max_length=32, examples=[{"zh": "小胡萝卜"}])
    """By language; null removes one."""
    attributes: dict[Name, Scalar | None] = Field(  # type: ignore[assignment]
        default={}, max_length=256, examples=[{"colour": "orange"}]
    )
    """By name; null removes one."""


class ItemsRequest(Request):
    """Items as `{"items": [...]}`, a bare list, or JSON lines."""

    items: list[ItemRow] = Field(
        examples=[[{"item_id": "1029743", "titles": {"en": "Baby carrots"}, "price": 1.99}]]
    )


class WriteAnswer(Answer):
    """What became of one item or shopper."""

    id: str = Field(examples=["1029743"])
    status: Literal["written", "unchanged", "stale", "deleted"] = Field(examples=["written"])
    """`stale`: a later version is stored already."""


class RejectedItem(Answer):
    """A row that was not taken."""

    index: int = Field(examples=[3])
    code: str = Field(examples=["invalid_request"])
    message: str = Field(examples=["unknown field; did you mean 'price'?"])
    field: str | None = Field(default=None, examples=["prize"])


class BulkAnswer(Answer):
    """What became of a list: the good rows are in, whatever became of the others."""

    written: int = Field(examples=[2])
    unchanged: int = Field(examples=[0])
    stale: int = Field(examples=[0])
    rejected: list[RejectedItem]


class ItemAnswer(Answer):
    """An item as it is stored, empty fields left out."""

    item_id: str = Field(examples=["1029743"])
    kind: Kind = Field(examples=["product"])
    titles: dict[str, str] = Field(default={}, examples=[{"en": "Baby carrots"}])
    category: str | None = Field(default=None, examples=["GROCERY > VEGETABLES > CARROTS"])
    brand: str | None = Field(default=None, examples=["Green Farm"])
    seller_id: str | None = Field(default=None, examples=["seller-7"])
    tags: list[str] = Field(default=[], examples=[["vegan"]])
    attributes: dict[str, Scalar] = Field(default={}, examples=[{"colour": "orange"}])
    image_url: str | None = Field(default=None, examples=["https://shop.example/1029743.jpg"])
    url: str | None = Field(default=None, examples=["https://shop.example/p/1029743"])
    restricted: list[str] = Field(default=[], examples=[[]])
    created_at: str | None = Field(default=None, examples=["2026-10-01T00:00:00.000Z"])
    updated_at: str | None = Field(default=None, examples=["2026-11-22T01:30:00.000Z"])
    offers: list[dict[str, Any]] = Field(default=[], examples=[[{"sku": "1029743", "price": 1.99}]])
