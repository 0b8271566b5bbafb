"""What a catalogue's columns hold of one item: their types, the values of a row, what stands where there is no item."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from recsys.categories import CategoryTree
from recsys.errors import InputError
from recsys.offers import item_available
from recsys.timeline import NUMBERS, face_base
from recsys.types import ITEM_KINDS, Item
from recsys.vocabulary import UNKNOWN, Vocabulary

__all__ = ["DTYPES", "EMPTY", "PRODUCT", "by_code", "kind_code", "row_of", "text_of", "title_in"]

PRODUCT: Final = ITEM_KINDS.index("product")
"""The kind that lists show."""
DTYPES: Final[Mapping[str, type[np.generic]]] = {
    "kind": np.int8,
    "listed": np.int8,
    "present": np.bool_,
    "available": np.bool_,
    "category": np.int32,
    "created_at": np.int64,
    "rating": np.float64,
    **dict.fromkeys(NUMBERS, np.float64),
}
"""One array each. `listed` is the kind where the item may be shown, else -1: eligibility in one element."""
EMPTY: Final[Mapping[str, object]] = {
    "kind": 0,
    "listed": UNKNOWN,
    "present": False,
    "available": False,
    "category": UNKNOWN,
    "created_at": UNKNOWN,
}
"""What stands in a row without an item, nan elsewhere."""


def by_code(items: Sequence[Item], vocabulary: Vocabulary) -> list[Item | None]:
    """Items by code, None where there is none; an InputError names one that comes twice or has no code."""
    rows: list[Item | None] = [None] * len(vocabulary)
    for item in items:
        code = vocabulary.code(item.item_id)
        if code == UNKNOWN:
            raise InputError(f"item {item.item_id!r} is not in the vocabulary; build it over all items")
        if rows[code] is not None:
            raise InputError(f"item {item.item_id!r} appears more than once; keep its newest version")
        rows[code] = item
    return rows


def row_of(item: Item, categories: CategoryTree, *, present: bool) -> tuple[Any, ...]:
    """The values of one item in the order of `DTYPES`."""
    kind, available = kind_code(item.kind), item_available(item)
    rating = item.attributes.get("rating")
    return (
        kind,
        kind if present and available and not item.restricted else UNKNOWN,
        present,
        available,
        UNKNOWN if item.category is None else categories.code(item.category),
        UNKNOWN if item.created_at is None else item.created_at,
        np.nan if rating is None or isinstance(rating, str | bool) else rating,
        *face_base(item),
    )


def kind_code(kind: str) -> int:
    """The position of a kind in `ITEM_KINDS`; an InputError for another one."""
    if kind not in ITEM_KINDS:
        raise InputError(f"unknown item kind {kind!r}; use one of {', '.join(ITEM_KINDS)}")
    return ITEM_KINDS.index(kind)


def text_of(item: Item, name: str) -> str | None:
    """The text of a column, titles in the shop's first language."""
    if name == "title":
        return next(iter(item.titles.values()), None)
    value: str | None = getattr(item, name)
    return value


def title_in(titles: Mapping[str, str], language: str | None) -> str | None:
    """The title in a language (`zh-CN`), else in its base language, else the first."""
    if language is not None:
        base = language.split("-")[0]
        akin = (title for name, title in titles.items() if name.split("-")[0] == base)
        found = titles.get(language) or titles.get(base) or next(akin, None)
        if found is not None:
            return found
    return next(iter(titles.values()), None)
