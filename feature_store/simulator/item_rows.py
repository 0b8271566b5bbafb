"""The simulated assortment as `recsys.types.Item`s: English and Chinese titles, offers with price and stock.

Chance is drawn for a block of items at once: one draw per item and field would take longer than all else here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.config import DAY_MS
from feature_store.simulator.ids import item_id, sku
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import COLOURS, DEPARTMENTS, MATERIALS, SHELVES, STYLES, Pair
from recsys.types import Item, Offer, Promo

__all__ = ["category_path", "item_rows"]

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

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
_MOST_VARIANTS = 3
_DEPARTMENT_OF = {shelf.name[0]: department for department in DEPARTMENTS for shelf in department.shelves}


@dataclass(frozen=True, slots=True)
class _Lots:
    """Chance and prices of a block of items; offer columns have shape (items, variants)."""

    seller: Codes
    brand: Floats
    price: Floats
    promo: Floats
    cost: Floats
    stock: Floats
    available: npt.NDArray[np.bool_]


def category_path(shelf: int, thing: int | None = None) -> str:
    """`Department > Shelf > Thing`, or without the thing."""
    names = [_DEPARTMENT_OF[SHELVES[shelf].name[0]].name[0], SHELVES[shelf].name[0]]
    if thing is not None:
        names.append(SHELVES[shelf].things[thing][0])
    return " > ".join(names)


def item_rows(shop: Shop, block: int) -> Iterator[list[Item]]:
    """Every item in code order, at most `block` at a time."""
    for low in range(0, len(shop.catalogue), block):
        codes = np.arange(low, min(low + block, len(shop.catalogue)), dtype=np.int64)
        lots = _lots(shop, codes)
        yield [_item(shop, code, lots, row) for row, code in enumerate(codes.tolist())]


def _lots(shop: Shop, codes: Codes) -> _Lots:
    draws, catalogue = shop.draws, shop.catalogue
    items, variants = codes[:, None], np.arange(_MOST_VARIANTS)[None, :]
    return _Lots(
        seller=draws.below("item.seller", 1 + len(catalogue) // 200, codes),
        brand=draws.uniform("item.brand", codes),
        price=catalogue.regular_price(items, variants),
        promo=catalogue.promo_price(items, variants),
        cost=draws.uniform("offer.cost", items, variants),
        stock=draws.uniform("offer.stock", items, variants),
        available=~draws.chance("offer.available", 0.02, items, variants),
    )


def _item(shop: Shop, code: int, lots: _Lots, row: int) -> Item:
    catalogue = shop.catalogue
    shelf = int(catalogue.shelf[code])
    thing = SHELVES[shelf].things[int(catalogue.thing[code])]
    style, colour = STYLES[int(catalogue.style[code])], COLOURS[int(catalogue.colour[code])]
    material = MATERIALS[int(catalogue.material[code])]
    brand = _brand(shelf, float(lots.brand[row]))
    return Item(
        item_id=item_id(code),
        titles={
            "en": f"{brand[0]} {style[0]} {material[0]} {thing[0]}, {colour[0]}",
            "zh": f"{brand[1]} {style[1]}{colour[1]}{material[1]}{thing[1]}",
        },
        category=category_path(shelf, int(catalogue.thing[code])),
        # Half the items carry their brand in Chinese, as on a real shelf.
        brand=brand[code % 2],
        seller_id=f"seller-{lots.seller[row]:04d}",
        tags=(style[0], material[0]),
        attributes={
            "colour": colour[0],
            "material": material[0],
            "style": style[0],
            "consumable": SHELVES[shelf].consumable,
        },
        created_at=_created_at(shop, code),
        offers=tuple(_offer(shop, code, lots, (row, n)) for n in range(int(catalogue.variants[code]))),
    )


def _brand(shelf: int, share: float) -> Pair:
    """One of the shelf's twelve brands, the first ones more often."""
    number = shelf * _BRANDS_PER_SHELF + int(_BRANDS_PER_SHELF * share**2)
    base = len(_SYLLABLES)
    digits = (number % base, number // base % base, (number * 7 + 5) % base)
    parts = [_SYLLABLES[digit] for digit in digits]
    return "".join(part[0] for part in parts).capitalize(), "".join(part[1] for part in parts)


def _created_at(shop: Shop, code: int) -> int:
    """Midnight of the day of birth; an item nobody has seen yet was born in the last hour."""
    born = int(shop.catalogue.born[code])
    if born >= shop.config.days:
        return shop.config.end_ms - 3_600_000
    return shop.config.start_ms + born * DAY_MS


def _offer(shop: Shop, code: int, lots: _Lots, at: tuple[int, int]) -> Offer:
    """The offer as it stands at the end of the simulated time; cost is 50 to 75 % of the price."""
    price = float(lots.price[at])
    return Offer(
        sku=sku(code, at[1]),
        currency="CNY",
        list_price=round(price * (1.2 if code % 3 == 0 else 1.0), 2),
        price=price,
        promo=_promo(shop, float(lots.promo[at])) if shop.catalogue.campaign[code] else None,
        cost=round(price * (0.5 + 0.25 * float(lots.cost[at])), 2),
        stock=_stock(float(lots.stock[at])),
        available=bool(lots.available[at]),
    )


def _stock(lot: float) -> float | None:
    """One offer in twenty is untracked, three in a hundred are sold out, most have a few dozen."""
    if lot < 0.05:
        return None
    return 0.0 if lot < 0.08 else float(int(5 + 400 * lot**3))


def _promo(shop: Shop, price: float) -> Promo:
    start = shop.config.start_ms + shop.config.campaign_day * DAY_MS
    return Promo(price=price, start=start, end=start + DAY_MS)
