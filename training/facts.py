"""What an exam knows of items besides who touched them: category, price and margin at the cut, by item code.

Invariants: unknown is normal: -1 for categories, NaN for money; nothing of it is handed to a system.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from recsys.categories import CategoryTree
from recsys.offers import effective_price, face_offer
from recsys.types import Item
from recsys.vocabulary import Vocabulary

__all__ = ["ItemFacts"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ItemFacts:
    """Columns by item code; the default knows nothing of any item."""

    category: Codes = field(default_factory=lambda: np.empty(0, np.int32))
    """Code of the whole path, int32[n]."""
    top: Codes = field(default_factory=lambda: np.empty(0, np.int32))
    """Position in `names` of the path's first word, int32[n]."""
    names: tuple[str, ...] = ()
    """Top-level categories."""
    price: Values = field(default_factory=lambda: np.empty(0))
    """What the face offer costs, float64[n]."""
    margin: Values = field(default_factory=lambda: np.empty(0))
    """That less its cost, float64[n]."""

    @classmethod
    def of(cls, items: Iterable[Item], codes: Vocabulary, at: int) -> Self:
        """Facts of `items` at a time (ms); those `codes` does not know are left out."""
        known = [(code, item) for item in items if (code := codes.code(item.item_id)) >= 0]
        tree = CategoryTree.build(dict.fromkeys(item.category for _, item in known if item.category))
        category, top = (np.full(len(codes), -1, np.int32) for _ in range(2))
        price, margin = (np.full(len(codes), np.nan) for _ in range(2))
        for code, item in known:
            category[code] = -1 if item.category is None else tree.code(item.category)
            price[code], margin[code] = _money(item, at)
        names = tuple(path for path, parent in zip(tree.paths, tree.parent, strict=True) if parent < 0)
        has = category >= 0
        place = np.cumsum(tree.parent < 0) - 1
        if has.any():
            top[has] = place[tree.ancestors[category[has], 0]]
        return cls(category, top, names, price, margin)

    def categories(self, count: int) -> Codes:
        """`category` for `count` codes: what a release knows besides is unknown here."""
        return np.append(self.category, np.full(max(0, count - len(self.category)), -1, np.int32))


def _money(item: Item, at: int) -> tuple[float, float]:
    offer = face_offer(item, at)
    price = None if offer is None else effective_price(offer, at)
    if offer is None or price is None:
        return np.nan, np.nan
    return price, np.nan if offer.cost is None else price - offer.cost
