"""What an item costs and whether it can be bought at a moment, and the plain fields a filter reads.

One item has several offers (size, market, channel); a list shows the item once, with its *face offer*: the
cheapest sellable one, else the cheapest. Invariants: nothing here reads a clock (`at` is passed in, ms since
epoch), untracked stock counts as sellable, and an item without offers cannot be bought (one that comes in
without any gets one).
"""

from collections.abc import Iterable

from recsys.types import Item, Offer, Promo

__all__ = [
    "discount",
    "effective_price",
    "face_offer",
    "item_available",
    "item_fields",
    "pick_offer",
    "promo_active",
    "sellable",
]


def promo_active(promo: Promo, at: int) -> bool:
    """Whether `at` lies in [start, end); a missing bound is open."""
    return (promo.start is None or promo.start <= at) and (promo.end is None or at < promo.end)


def effective_price(offer: Offer, at: int) -> float | None:
    """The price to pay at a moment: the promotional one while it is on, else the plain one, or None."""
    if offer.promo is not None and promo_active(offer.promo, at):
        return offer.promo.price
    return offer.price


def sellable(offer: Offer, at: int) -> bool:  # noqa: ARG001 - timed availability must not need another signature
    """Whether it can go into a cart: available, and stock untracked or above zero."""
    return offer.available and _in_stock(offer)


def pick_offer(item: Item, at: int, market: str | None = None, channel: str | None = None) -> Offer | None:
    """The cheapest sellable offer at a moment (unknown prices last, ties by sku), None when there is none.

    An offer without market or channel is valid in all of them; without an asked market or channel all offers
    count.
    """
    fitting = (offer for offer in item.offers if sellable(offer, at) and _serves(offer, market, channel))
    return _cheapest(fitting, at)


def face_offer(item: Item, at: int) -> Offer | None:
    """The offer that stands for the item in lists and filters; None only for an item without offers."""
    return pick_offer(item, at) or _cheapest(item.offers, at)


def item_available(item: Item) -> bool:
    """Whether anything of an item can be bought; nothing can without offers."""
    return any(offer.available and _in_stock(offer) for offer in item.offers)


def discount(price: float | None, list_price: float | None) -> float | None:
    """The share of the list price that is taken off, 0..1; None when either price is unknown."""
    if price is None or list_price is None or list_price <= 0:
        return None
    return max(0.0, 1.0 - price / list_price)


def item_fields(item: Item, at: int) -> dict[str, object]:
    """The flat dict that filters read (field names of `recsys.expressions`); None stands for unknown.

    `title` is the shop's first language, `rating` the attribute of that name, offer fields are the face
    offer's.
    """
    offer = face_offer(item, at)
    price = None if offer is None else effective_price(offer, at)
    list_price = None if offer is None else offer.list_price
    rating = item.attributes.get("rating")
    fields: dict[str, object] = {
        "item_id": item.item_id,
        "kind": item.kind,
        "category": item.category,
        "brand": item.brand,
        "seller_id": item.seller_id,
        "tags": item.tags,
        "restricted": item.restricted,
        "price": price,
        "list_price": list_price,
        "cost": None if offer is None else offer.cost,
        "discount": discount(price, list_price),
        "stock": None if offer is None else offer.stock,
        "available": item_available(item),
        "created_at": item.created_at,
        "rating": None if isinstance(rating, str | bool) else rating,
        "title": next(iter(item.titles.values()), None),
    }
    fields.update((f"attributes.{name}", value) for name, value in item.attributes.items())
    return fields


def _in_stock(offer: Offer) -> bool:
    return offer.stock is None or offer.stock > 0


def _serves(offer: Offer, market: str | None, channel: str | None) -> bool:
    return (market is None or offer.market in (None, market)) and (
        channel is None or offer.channel in (None, channel)
    )


def _cheapest(offers: Iterable[Offer], at: int) -> Offer | None:
    def order(offer: Offer) -> tuple[bool, float, str]:
        price = effective_price(offer, at)
        return price is None, price or 0.0, offer.sku

    return min(offers, key=order, default=None)
