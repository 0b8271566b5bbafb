"""What a request makes of an item: a whole one, a changed one, one with changed offers. Pure functions.

Whatever is made goes through the same validator as rows of files, so that an item means the same however it came.
Invariants: nothing is true later than now, so that a wrong clock cannot lock an item; a change without a time of its
own is never older than what it changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from feature_store.records.codec import item_to_dict
from feature_store.records.fields import Rejection
from feature_store.records.items import validate_item
from recsys.types import Item
from serving.errors import FieldError, InvalidRequest
from serving.schemas.items import ItemBody, ItemPatch, OfferFields, OfferRow
from serving.wire.validation import plain

__all__ = ["changed_at", "changed_offers", "item_of", "merged", "patched", "refuse_rejection"]

_MAPS: Final = ("titles", "attributes")
_OFFER: Final = frozenset(OfferFields.model_fields)

Row = dict[str, Any]


def item_of(body: ItemBody, item_id: str, now: int) -> Item:
    """The whole item of a body; without `offers` its offer fields are its only offer.

    Raises:
        InvalidRequest: the validator of item rows refuses it.
    """
    item = _validated({**plain(body), "item_id": item_id}, now)
    return replace(item, updated_at=now if body.updated_at is None else min(body.updated_at, now))


def patched(item: Item, patch: ItemPatch, now: int) -> Item:
    """The item with what the patch names.

    Raises:
        InvalidRequest: offer fields for an item with several offers, or the result is no valid item.
    """
    given = plain(patch)
    row = _row_of(item)
    offer = {name: given.pop(name) for name in _OFFER & given.keys()}
    for name in _MAPS:
        if name in given:
            given[name] = merged(row.get(name, {}), given[name])
    row = {**row, **given}
    if offer:
        row["offers"] = _offers_with(row, None, offer)
    row["item_id"] = item.item_id
    created_at = patch.created_at if "created_at" in given else item.created_at
    changed = changed_at(item.updated_at, patch.updated_at, now)
    return replace(_validated(row, now), created_at=created_at, updated_at=changed)


def changed_offers(item: Item, rows: Sequence[OfferRow], now: int) -> Item:
    """The item with its offers as the rows say.

    Raises:
        InvalidRequest: a row without a sku for an item with several offers, or the result is no valid item.
    """
    row = _row_of(item)
    for change in rows:
        given = plain(change)
        row["offers"] = _offers_with(row, change.sku, {name: given[name] for name in _OFFER & given.keys()})
    changed = changed_at(item.updated_at, None, now)
    return replace(_validated(row, now), created_at=item.created_at, updated_at=changed)


def merged(held: Mapping[str, Any], change: Mapping[str, Any]) -> Row:
    """The map with what the change names; None removes."""
    both = {**held, **change}
    return {name: value for name, value in both.items() if value is not None}


def changed_at(held: int | None, given: int | None, now: int) -> int:
    """When a change is true (ms): as given, not later than now; without a word not older than what it changes."""
    return max(now, held or 0) if given is None else min(given, now)


def refuse_rejection(found: Rejection) -> InvalidRequest:
    """The refusal of a row as the refusal of a request."""
    return InvalidRequest(found.message, [FieldError(field=found.field or "", message=found.message)])


def _row_of(item: Item) -> Row:
    """The row that gives this item but for its times, which may be older than rows may say.

    One without offers says so, since no word about offers means a default one.
    """
    row = {"offers": [], **item_to_dict(item)}
    return {name: value for name, value in row.items() if name not in ("created_at", "updated_at")}


def _validated(row: Row, now: int) -> Item:
    found = validate_item(row, now)
    if isinstance(found, Rejection):
        raise refuse_rejection(found)
    return found


def _offers_with(row: Row, sku: str | None, change: Row) -> list[Row]:
    """The offers with one changed, or added; an offer is its sku in a market and channel, where those are said."""
    offers: list[Row] = row["offers"]
    sku = _only_sku(row) if sku is None else sku
    places = {name: change[name] for name in ("market", "channel") if change.get(name) is not None}

    def meant(offer: Row) -> bool:
        return offer["sku"] == sku and all(offer.get(name) == place for name, place in places.items())

    if not any(map(meant, offers)):
        return [*offers, {"sku": sku, **change}]
    return [{**offer, **change} if meant(offer) else offer for offer in offers]


def _only_sku(row: Row) -> str:
    offers: list[Row] = row["offers"]
    if len(offers) > 1:
        known = ", ".join(offer["sku"] for offer in offers[:5])
        message = f"item {row['item_id']!r} has several offers; name one by its sku: {known}"
        raise InvalidRequest(message, [FieldError(field="sku", message="is needed")])
    return str(offers[0]["sku"] if offers else row["item_id"])
