"""The simulated assortment as `recsys.types.Item`s: English and Chinese titles, offers with stock."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from feature_store.simulator.config import DAY_MS
from feature_store.simulator.ids import item_id, sku
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import COLOURS, DEPARTMENTS, MATERIALS, SHELVES, STYLES, Pair
from recsys.types import Item, Offer, Promo

__all__ = ["category_path", "item_rows"]

Codes = npt.NDArray[np.int64]

_SYLLABLES: Sequence[Pair] = (
    ("no", "诺"),
    ("lan", "兰"),
    ("mei", "美"),
    ("da", "达"),
    ("ya", "雅"),
    ("ke", "科"),
    ("xin", "新"),
    ("bo", "博"),
    ("li", "丽"),
    ("an", "安"),
    ("wei", "威"),
    ("si", "思"),
)
_BRANDS_PER_SHELF = 12
_DEPARTMENT_OF = {shelf.name[0]: department for department in DEPARTMENTS for shelf in department.shelves}


def category_path(shelf: int, thing: int | None = None) -> str:
    """`Department > Shelf > Thing`, or without the thing."""
    names = [_DEPARTMENT_OF[SHELVES[shelf].name[0]].name[0], SHELVES[shelf].name[0]]
    if thing is not None:
        names.append(SHELVES[shelf].things[thing][0])
    return " > ".join(names)


def item_rows(shop: Shop, block: int) -> Iterator[list[Item]]:
    """Every item in code order, at most `block` at a time."""
    for low in range(0, len(shop.catalogue), block):
        yield [_item(shop, code) for code in range(low, min(low + block, len(shop.catalogue)))]


def _item(shop: Shop, code: int) -> Item:
    catalogue = shop.catalogue
    shelf = int(catalogue.shelf[code])
    thing = SHELVES[shelf].things[int(catalogue.thing[code])]
    style, colour = STYLES[int(catalogue.style[code])], COLOURS[int(catalogue.colour[code])]
    material = MATERIALS[int(catalogue.material[code])]
    brand = _brand(shop, shelf, code)
    return Item(
        item_id=item_id(code),
        titles={
            "en": f"{brand[0]} {style[0]} {material[0]} {thing[0]}, {colour[0]}",
            "zh": f"{brand[1]} {style[1]}{colour[1]}{material[1]}{thing[1]}",
        },
        category=category_path(shelf, int(catalogue.thing[code])),
        # Half the brands write themselves in Chinese, as on a real shelf.
        brand=brand[code % 2],
        seller_id=f"seller-{shop.draws.below('item.seller', 1 + len(catalogue) // 200, code)[0]:04d}",
        tags=(style[0], material[0]),
        attributes={
            "colour": colour[0],
            "material": material[0],
            "style": style[0],
            "consumable": SHELVES[shelf].consumable,
        },
        created_at=_created_at(shop, code),
        offers=tuple(_offer(shop, code, variant) for variant in range(int(catalogue.variants[code]))),
    )


def _brand(shop: Shop, shelf: int, code: int) -> Pair:
    """One of the shelf's twelve brands, the first ones more often."""
    share = shop.draws.uniform("item.brand", code)[0]
    number = shelf * _BRANDS_PER_SHELF + int(_BRANDS_PER_SHELF * share**2)
    base = len(_SYLLABLES)
    parts = [
        _SYLLABLES[number % base],
        _SYLLABLES[number // base % base],
        _SYLLABLES[(number * 7 + 5) % base],
    ]
    return "".join(part[0] for part in parts).capitalize(), "".join(part[1] for part in parts)


def _created_at(shop: Shop, code: int) -> int:
    """Midnight of the day of birth; an item nobody has seen yet was born in the last hour."""
    born = int(shop.catalogue.born[code])
    if born >= shop.config.days:
        return shop.config.end_ms - 3_600_000
    return shop.config.start_ms + born * DAY_MS


def _offer(shop: Shop, code: int, variant: int) -> Offer:
    """The offer as it stands at the end of the simulated time; cost is 50 to 75 % of the price."""
    items, variants = np.array([code]), np.array([variant])
    price = float(shop.catalogue.regular_price(items, variants)[0])
    margin, lot = (float(shop.draws.uniform(f"offer.{name}", code, variant)[0]) for name in ("cost", "stock"))
    stock = None if lot < 0.05 else 0.0 if lot < 0.08 else float(int(5 + 400 * lot**3))
    return Offer(
        sku=sku(code, variant),
        currency="CNY",
        list_price=round(price * (1.2 if code % 3 == 0 else 1.0), 2),
        price=price,
        promo=_promo(shop, items, variants),
        cost=round(price * (0.5 + 0.25 * margin), 2),
        stock=stock,
        available=bool(shop.draws.uniform("offer.available", code, variant)[0] >= 0.02),
    )


def _promo(shop: Shop, items: Codes, variants: Codes) -> Promo | None:
    if not shop.catalogue.campaign[items[0]]:
        return None
    start = shop.config.start_ms + shop.config.campaign_day * DAY_MS
    return Promo(price=float(shop.catalogue.promo_price(items, variants)[0]), start=start, end=start + DAY_MS)
