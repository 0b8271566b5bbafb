"""What a list tells about an item: the offer to show and the attributes the caller asked for.

Invariants: prices are those of the offer whose `sku` is named, with promotions of the moment; `cost` is told only when
it is asked for by name; what is unknown is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Final

from feature_store.records.times import to_rfc3339
from recsys.offers import discount, effective_price, face_offer, pick_offer, sellable
from recsys.types import Item, Offer

__all__ = ["FIELD_NAMES", "PRIVATE_FIELDS", "ItemView", "title_in"]

PRIVATE_FIELDS: Final = frozenset({"cost"})
_Reader = Callable[[Item, Offer | None, "ItemView"], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """How one caller sees items at one moment (ms); `fields` None asks for no attributes, () for the usual ones."""

    at: int
    language: str | None = None
    market: str | None = None
    channel: str | None = None
    fields: tuple[str, ...] | None = None

    def offer(self, item: Item) -> Offer | None:
        """The offer to show: one that can be bought here, else the one that stands for the item."""
        return pick_offer(item, self.at, self.market, self.channel) or face_offer(item, self.at)

    def attributes(self, item: Item, offer: Offer | None) -> dict[str, object]:
        """The asked attributes that are known."""
        if self.fields is None:
            return {}
        read = ((name, reader(item, offer, self)) for name, reader in _readers(self.fields or _USUAL))
        return {name: value for name, value in read if value is not None and value not in ((), {})}


def title_in(titles: Mapping[str, str], language: str | None) -> str | None:
    """The title in a language (`zh-CN`, else `zh`), else the shop's first."""
    if language is not None:
        base = language.replace("_", "-").split("-")[0].lower()
        akin = (
            title for name, title in titles.items() if name.replace("_", "-").split("-")[0].lower() == base
        )
        found = titles.get(language) or titles.get(base) or next(akin, None)
        if found is not None:
            return found
    return next(iter(titles.values()), None)


def _time(moment: int | None) -> str | None:
    return None if moment is None else to_rfc3339(moment)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


_ITEM_FIELDS: Final[Mapping[str, Callable[[Item], object]]] = {
    "kind": attrgetter("kind"),
    "titles": lambda item: dict(item.titles),
    "category": attrgetter("category"),
    "brand": attrgetter("brand"),
    "seller_id": attrgetter("seller_id"),
    "tags": attrgetter("tags"),
    "image_url": attrgetter("image_url"),
    "url": attrgetter("url"),
    "created_at": lambda item: _time(item.created_at),
    "updated_at": lambda item: _time(item.updated_at),
    "attributes": lambda item: dict(item.attributes),
}
_OFFER_FIELDS: Final[Mapping[str, Callable[[Offer, int], object]]] = {
    "price": effective_price,
    "list_price": lambda offer, _: offer.list_price,
    "discount": lambda offer, at: _rounded(discount(effective_price(offer, at), offer.list_price)),
    "currency": lambda offer, _: offer.currency,
    "stock": lambda offer, _: offer.stock,
    "available": sellable,
    "market": lambda offer, _: offer.market,
    "channel": lambda offer, _: offer.channel,
    "cost": lambda offer, _: offer.cost,
}
FIELD_NAMES: Final = ("title", *_ITEM_FIELDS, *_OFFER_FIELDS)
"""What may be asked for by name, beside `attributes.<name>`."""
_USUAL: Final = tuple(
    name
    for name in FIELD_NAMES
    if name not in {"titles", "updated_at", "market", "channel", "stock", *PRIVATE_FIELDS}
)


@lru_cache(maxsize=256)
def _readers(names: tuple[str, ...]) -> tuple[tuple[str, _Reader], ...]:
    """How each attribute is read; the same few lists of names come with every request."""
    return tuple((name, _reader(name)) for name in names)


def _reader(name: str) -> _Reader:
    if name == "title":
        return lambda item, _, view: title_in(item.titles, view.language)
    if name.startswith("attributes."):
        key = name.removeprefix("attributes.")
        return lambda item, _, __: item.attributes.get(key)
    if of_item := _ITEM_FIELDS.get(name):
        return lambda item, _, __: of_item(item)
    of_offer = _OFFER_FIELDS[name]
    return lambda _, offer, view: None if offer is None else of_offer(offer, view.at)
