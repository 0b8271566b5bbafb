"""What the test shop sells: groups of goods with words, prices and categories in English and Chinese."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.types import Item, Offer, Promo
from recsys.weights import DAY_MS

__all__ = ["GROUPS", "Group", "make_item"]


@dataclass(frozen=True, slots=True)
class Group:
    """Goods of one kind; every second group has its category path in Chinese."""

    name: str
    category: str
    english: str
    chinese: str
    price: float
    consumable: bool = False


GROUPS: Final = (
    Group("mug", "Home > Kitchen > Mugs", "Mug", "马克杯", 12.0),
    Group("lamp", "家居 > 灯具 > 台灯", "Desk Lamp", "台灯", 45.0),
    Group("shoe", "Sport > Running > Shoes", "Running Shoes", "跑步鞋", 80.0),
    Group("tea", "食品 > 饮料 > 茶叶", "Loose Tea", "茶叶", 9.0, consumable=True),
    Group("book", "Books > Novels", "Novel", "小说", 15.0),
    Group("cream", "美妆 > 护肤 > 面霜", "Face Cream", "面霜", 25.0, consumable=True),
    Group("phone", "Electronics > Phones > Cases", "Phone Case", "手机壳", 18.0),
    Group("toy", "母婴 > 玩具 > 积木", "Building Blocks", "积木", 30.0),
)

_QUALITIES: Final = (
    ("Blue", "蓝色"),
    ("White", "白色"),
    ("Classic", "经典"),
    ("Modern", "现代"),
    ("Large", "大号"),
    ("Light", "轻便"),
    ("Bright", "亮彩"),
    ("Round", "圆形"),
    ("Gift", "礼品"),
    ("Travel", "旅行"),
)
_BRANDS: Final = ("Acme", "青花", "Nordic", "Ｗｅｌｌ")
_TAGS: Final = ("vegan", "gift", "新品", "促销")


def make_item(group: Group, number: int, created_at: int, generator: np.random.Generator) -> Item:
    """One product of a group: two titles, a price near the group's, sometimes a promotion or no stock left."""
    quality, other = (_QUALITIES[i] for i in generator.choice(len(_QUALITIES), 2, replace=False))
    price = round(group.price * float(generator.lognormal(0.0, 0.3)), 2)
    tags = tuple(tag for tag in _TAGS if generator.random() < 0.2)
    brand = _BRANDS[int(generator.integers(len(_BRANDS)))]
    return Item(
        item_id=f"{group.name}/{number:04d}",
        titles={
            "en": f"{brand} {quality[0]} {other[0]} {group.english} {number}",
            "zh": f"{brand}{quality[1]}{other[1]}{group.chinese}{number}号",
        },
        category=group.category,
        brand=brand,
        tags=tags,
        attributes={"weight": int(generator.integers(50, 2_000)), "颜色": quality[1]},
        created_at=created_at,
        offers=(_offer(f"{group.name}-{number:04d}", price, created_at, generator),),
    )


def _offer(sku: str, price: float, created_at: int, generator: np.random.Generator) -> Offer:
    promoted, sold_out, untracked = generator.random(3) < (0.2, 0.05, 0.2)
    start = created_at + int(generator.integers(0, 90)) * DAY_MS
    return Offer(
        sku=sku,
        currency="CNY",
        list_price=round(price * 1.2, 2),
        price=price,
        cost=round(price * 0.6, 2),
        promo=Promo(price=round(price * 0.8, 2), start=start, end=start + 14 * DAY_MS) if promoted else None,
        stock=None if untracked else 0.0 if sold_out else float(generator.integers(1, 200)),
    )
