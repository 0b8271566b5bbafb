"""What a request makes of an item: a whole one, a changed one, one with changed offers. Pure functions.

Invariants: nothing is true later than now, so that a wrong clock cannot lock an item; a change without a time of its
own is never older than what it changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from recsys.types import Item, Offer, Promo
from serving.errors import FieldError, InvalidRequest
from serving.schemas.items import ItemBody, ItemPatch, OfferBody, OfferFields, OfferRow, PromoBody

__all__ = ["changed_at", "changed_offers", "item_of", "merged", "patched"]

_TEXTS: Final = ("kind", "category", "brand", "seller_id", "image_url", "url", "created_at")
_LISTS: Final = ("tags", "restricted")
_MAPS: Final = ("titles", "attributes")
_OFFER: Final = tuple(OfferFields.model_fields)
V = TypeVar("V")


def item_of(body: ItemBody, item_id: str, now: int) -> Item:
    """The whole item of a body; without `offers` its offer fields are its only offer."""
    offers = [_offer(offer) for offer in body.offers or ()]
    if body.offers is None:
        offers = [_with_fields(Offer(sku=item_id), body)]
    values: dict[str, Any] = {name: getattr(body, name) for name in (*_TEXTS, *_MAPS)}
    values |= {name: tuple(dict.fromkeys(getattr(body, name))) for name in _LISTS}
    return Item(
        item_id=item_id,
        **values,
        offers=tuple(offers),
        updated_at=now if body.updated_at is None else min(body.updated_at, now),
    )


def patched(item: Item, patch: ItemPatch, now: int) -> Item:
    """The item with what the patch names.

    Raises:
        InvalidRequest: offer fields for an item with several offers.
    """
    given = patch.model_fields_set
    changes: dict[str, Any] = {name: getattr(patch, name) for name in _TEXTS if name in given}
    changes |= {name: tuple(dict.fromkeys(getattr(patch, name))) for name in _LISTS if name in given}
    changes |= {name: merged(getattr(item, name), getattr(patch, name)) for name in _MAPS if name in given}
    if patch.offers is not None:
        changes["offers"] = tuple(_offer(offer) for offer in patch.offers)
    elif given.intersection(_OFFER):
        changes["offers"] = _offers_with(item, None, patch)
    return replace(item, **changes, updated_at=changed_at(item.updated_at, patch.updated_at, now))


def changed_offers(item: Item, rows: Sequence[OfferRow], now: int) -> Item:
    """The item with its offers as the rows say.

    Raises:
        InvalidRequest: a row without a sku for an item with several offers.
    """
    for row in rows:
        item = replace(item, offers=_offers_with(item, row.sku, row))
    return replace(item, updated_at=changed_at(item.updated_at, None, now))


def merged(held: Mapping[str, V], change: Mapping[str, V | None]) -> dict[str, V]:
    """The map with what the change names; None removes."""
    both = {**held, **change}
    return {name: value for name, value in both.items() if value is not None}


def changed_at(held: int | None, given: int | None, now: int) -> int:
    """When a change is true (ms): as given, not later than now; without a word not older than what it changes."""
    return max(now, held or 0) if given is None else min(given, now)


def _offers_with(item: Item, sku: str | None, change: OfferFields) -> tuple[Offer, ...]:
    if sku is None:
        sku = _only_sku(item)
    if any(offer.sku == sku for offer in item.offers):
        return tuple(_with_fields(offer, change) if offer.sku == sku else offer for offer in item.offers)
    return (*item.offers, _with_fields(Offer(sku=sku), change))


def _only_sku(item: Item) -> str:
    if len(item.offers) > 1:
        known = ", ".join(offer.sku for offer in item.offers[:5])
        mistake = FieldError(field="sku", message=f"is needed: the item has the offers {known}")
        raise InvalidRequest(
            f"item {item.item_id!r} has {len(item.offers)} offers; name one by its sku", [mistake]
        )
    return item.offers[0].sku if item.offers else item.item_id


def _offer(body: OfferBody) -> Offer:
    return _with_fields(Offer(sku=body.sku), body)


def _with_fields(offer: Offer, body: OfferFields) -> Offer:
    given = {name: getattr(body, name) for name in _OFFER if name in body.model_fields_set}
    if "promo" in given:
        given["promo"] = _promo(given["promo"])
    return replace(offer, **given)


def _promo(body: PromoBody | None) -> Promo | None:
    return None if body is None else Promo(price=body.price, start=body.start, end=body.end)
