"""The three kinds of rows that come in, and the column names each of them knows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from feature_store.records.column_map import Names
from feature_store.records.events import EVENT_FIELDS
from feature_store.records.items import FLAT_ITEM_NAMES, ITEM_FIELDS, OPEN_ITEM_NAMES
from feature_store.records.users import OPEN_USER_NAMES, USER_FIELDS

__all__ = ["NAMES", "RowKind"]


class RowKind(StrEnum):
    """What the rows of a file are."""

    EVENTS = "events"
    ITEMS = "items"
    USERS = "users"


NAMES: Final[Mapping[RowKind, Names]] = {
    RowKind.EVENTS: Names(
        "events",
        frozenset(name for name, field in EVENT_FIELDS.items() if not field.server),
        r"context\..+|source\.(utm_[a-z_]+|landing|referrer_id)",
        ", context.<name>, source.utm_<name>",
    ),
    RowKind.ITEMS: Names(
        "items",
        frozenset(ITEM_FIELDS) | FLAT_ITEM_NAMES,
        OPEN_ITEM_NAMES,
        ", title_<locale>, attributes.<name>",
    ),
    RowKind.USERS: Names(
        "users", frozenset(USER_FIELDS), OPEN_USER_NAMES, ", attributes.<name>, consent.<purpose>"
    ),
}
