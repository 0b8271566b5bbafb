"""The fields a filter may name and what kind of value each holds.

Invariants: item fields are a closed list; `attributes.NAME` and `user.NAME` are open, so a misspelt name
there is an unknown value, while a misspelt item field is an error.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

__all__ = ["ATTRIBUTE_PREFIX", "ITEM_FIELDS", "USER_PREFIX", "FieldKind", "field_kind", "nearest"]

ATTRIBUTE_PREFIX: Final = "attributes."
USER_PREFIX: Final = "user."


class FieldKind(StrEnum):
    """What a field holds; OPEN is known only by looking at the value."""

    TEXT = "text"
    NUMBER = "a number"
    TIME = "a time"
    FLAG = "true or false"
    SET = "a set of texts"
    OPEN = "any value"


ITEM_FIELDS: Final[Mapping[str, FieldKind]] = {
    "item_id": FieldKind.TEXT,
    "kind": FieldKind.TEXT,
    "category": FieldKind.TEXT,
    "brand": FieldKind.TEXT,
    "seller_id": FieldKind.TEXT,
    "title": FieldKind.TEXT,
    "tags": FieldKind.SET,
    "restricted": FieldKind.SET,
    "price": FieldKind.NUMBER,
    "list_price": FieldKind.NUMBER,
    "cost": FieldKind.NUMBER,
    "discount": FieldKind.NUMBER,
    "stock": FieldKind.NUMBER,
    "rating": FieldKind.NUMBER,
    "created_at": FieldKind.TIME,
    "available": FieldKind.FLAG,
}


def field_kind(name: str) -> FieldKind | None:
    """The kind of a field by its full name, None for a name that is no field."""
    if any(name.startswith(prefix) and name != prefix for prefix in (ATTRIBUTE_PREFIX, USER_PREFIX)):
        return FieldKind.OPEN
    return ITEM_FIELDS.get(name)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like a misspelt one, None when none does."""
    matches = get_close_matches(name.lower()[:64], list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
