"""A made-up shop of any size: which category each item is in, how wanted it is, what it is called.

Appeal falls as a power of the rank, as sales in shops do; categories hold items of every appeal. Deterministic for one
seed; times are fixed, so that the same number of items gives the same files on every day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.types import Item, Offer, Promo
from recsys.weights import DAY_MS

__all__ = ["END", "Assortment"]

Codes = npt.NDArray[np.int32]

END: Final = 1_790_000_000_000
"""The end of what the shop knows (ms), in September 2026."""
_ITEMS_PER_LEAF: Final = 200
_STEEPNESS: Final = 0.9
_FLAT_HEAD: Final = 10
"""Ranks by which the most wanted items are alike."""
_TOPS: Final = (
    ("Home", "家居"),
    ("Grocery", "食品"),
    ("Sport", "运动"),
    ("Beauty", "美妆"),
    ("Electronics", "数码"),
    ("Books", "图书"),
    ("Toys", "玩具"),
    ("Garden", "园艺"),
    ("Fashion", "服饰"),
    ("Pets", "宠物"),
)
_GOODS: Final = (
    ("Mug", "马克杯"),
    ("Desk Lamp", "台灯"),
    ("Running Shoes", "跑步鞋"),
    ("Loose Tea", "茶叶"),
    ("Face Cream", "面霜"),
    ("Phone Case", "手机壳"),
    ("Building Blocks", "积木"),
    ("Garden Hose", "水管"),
    ("Rain Jacket", "雨衣"),
    ("Cat Tree", "猫爬架"),
    ("Frying Pan", "平底锅"),
    ("Notebook", "笔记本"),
    ("Backpack", "双肩包"),
)
_QUALITIES: Final = (
    ("Blue", "蓝色"),
    ("White", "白色"),
    ("Classic", "经典"),
    ("Modern", "现代"),
    ("Large", "大号"),
    ("Light", "轻便"),
    ("Round", "圆形"),
    ("Travel", "旅行"),
    ("Gift", "礼品"),
)
_BRANDS: Final = 60
_TAGS: Final = ("vegan", "gift", "新品", "促销")


@dataclass(frozen=True)
class Assortment:
    """n items over L leaf categories."""

    paths: tuple[str, ...]
    """Of the leaves; every third is written in Chinese."""
    leaf: Codes
    """int32[n]: the leaf of each item."""
    top: Codes
    """int32[L]: the top category of each leaf."""
    appeal: npt.NDArray[np.float64]
    """float64[n], sums to 1."""
    by_leaf: Codes
    """int32[n]: items leaf by leaf, the most wanted of each first."""
    starts: npt.NDArray[np.int64]
    """int64[L + 1]: the items of leaf l are by_leaf[starts[l] : starts[l + 1]]."""
    steps: npt.NDArray[np.float64]
    """float64[n]: appeal summed along `by_leaf`."""

    @classmethod
    def make(cls, items: int, generator: np.random.Generator) -> Self:
        """An assortment of so many items, at least one of them in every leaf."""
        leaves = max(min(items, 20), items // _ITEMS_PER_LEAF)
        leaf = generator.permutation(np.arange(items, dtype=np.int32) % leaves).astype(np.int32)
        weights = (_FLAT_HEAD + generator.permutation(items)) ** -_STEEPNESS
        appeal = weights / weights.sum()
        by_leaf = np.lexsort((-appeal, leaf)).astype(np.int32)
        starts = np.searchsorted(leaf[by_leaf], np.arange(leaves + 1)).astype(np.int64)
        top = (np.arange(leaves) % len(_TOPS)).astype(np.int32)
        steps = np.cumsum(appeal[by_leaf])
        return cls(tuple(map(_path, range(leaves))), leaf, top, appeal, by_leaf, starts, steps)

    def __len__(self) -> int:
        return len(self.leaf)

    def draw(self, leaf: Codes, generator: np.random.Generator) -> Codes:
        """One item of each leaf in `leaf: int32[m]`, by appeal."""
        edges = np.concatenate(([0.0], self.steps))
        low, high = edges[self.starts[leaf]], edges[self.starts[leaf + 1]]
        places = np.searchsorted(self.steps, low + (high - low) * generator.random(len(leaf)), side="right")
        drawn: Codes = self.by_leaf[np.clip(places, self.starts[leaf], self.starts[leaf + 1] - 1)]
        return drawn

    def draw_any(self, count: int, generator: np.random.Generator) -> Codes:
        """Items of the whole shop int32[count], by appeal."""
        places = np.searchsorted(self.steps, self.steps[-1] * generator.random(count), side="right")
        drawn: Codes = self.by_leaf[np.minimum(places, len(self) - 1)]
        return drawn

    def items(self, generator: np.random.Generator, own: str = "") -> Iterator[Item]:
        """Every item in code order: two titles, brand, tags, a price; some promoted, some sold out.

        `own` stands in the id of every other item, so that shops with different ones share half of their items.
        """
        n = len(self)
        price = np.round(10.0 * np.exp(self.leaf % 7 / 3 + generator.normal(0, 0.4, n)), 2).tolist()
        luck = generator.random((n, 4))
        promoted, sold_out, untracked, tagged = (luck < (0.2, 0.05, 0.2, 0.3)).T.tolist()
        brand = generator.zipf(1.5, n) % _BRANDS
        words = generator.integers(0, len(_QUALITIES), (n, 2))
        stock = generator.integers(1, 200, n).tolist()
        age = generator.integers(1, 400, n).tolist()
        rows = zip(self.leaf.tolist(), brand.tolist(), words.tolist(), strict=True)
        for code, (leaf, maker, (first, second)) in enumerate(rows):
            good, brand_name = _GOODS[leaf % len(_GOODS)], f"Brand {maker}"
            created_at = END - age[code] * DAY_MS
            yield Item(
                item_id=f"item-{own if code % 2 else ''}{code:07d}",
                titles={
                    "en": f"{brand_name} {_QUALITIES[first][0]} {_QUALITIES[second][0]} {good[0]} {code}",
                    "zh": f"{_QUALITIES[first][1]}{_QUALITIES[second][1]}{good[1]}{code}号",
                },
                category=self.paths[leaf],
                brand=brand_name,
                tags=(_TAGS[code % len(_TAGS)],) if tagged[code] else (),
                attributes={"weight": 50 + 10 * (code % 190)},
                created_at=created_at,
                offers=(
                    Offer(
                        sku=f"sku-{code:07d}",
                        currency="CNY",
                        list_price=round(price[code] * 1.2, 2),
                        price=price[code],
                        cost=round(price[code] * 0.6, 2),
                        promo=_promo(price[code], code) if promoted[code] else None,
                        stock=None if untracked[code] else 0.0 if sold_out[code] else float(stock[code]),
                    ),
                ),
            )


def _promo(price: float, code: int) -> Promo:
    start = END - (code % 60) * DAY_MS
    return Promo(price=round(price * 0.8, 2), start=start, end=start + 90 * DAY_MS)


def _path(leaf: int) -> str:
    """Top > group of ten leaves > leaf."""
    language = leaf % 3 == 2
    top, good = _TOPS[leaf % len(_TOPS)][language], _GOODS[leaf % len(_GOODS)][language]
    return f"{top} > {good} > {good} {leaf}"
