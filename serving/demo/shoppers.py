"""Picks the household the story is about, from the log, and reads its last baskets.

Invariant: the same purchases give the same household, whatever was clicked since: a regular one, whose number of
baskets is the median among those that shopped in the last days and told something about themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.offline import OfflineStore
from recsys.errors import InputError
from recsys.types import EventType, Item, Scalar

__all__ = ["Basket", "Household", "pick_household"]

_RECENT_MS: Final = 7 * 24 * 3600 * 1000
_COLUMNS: Final = ("user_id", "order_id", "item_id", "timestamp", "type")


@dataclass(frozen=True, slots=True)
class Basket:
    """One purchase: when (ms), and what."""

    at: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """Who the story is about."""

    user_id: str
    attributes: Mapping[str, Scalar]
    baskets: int
    touched: frozenset[str]
    """Ids of everything it ever bought or looked at."""
    categories: frozenset[str]
    """The categories of that, two levels deep."""
    last: tuple[Basket, ...]
    """Its last baskets, newest first."""


def pick_household(store: OfflineStore, last: int = 3) -> Household:
    """Return a typical household with its `last` baskets.

    Raises:
        InputError: nobody in the log bought anything lately.
    """
    events = store.events(columns=_COLUMNS)
    purchases = events.filter(pc.equal(events["type"], EventType.PURCHASE.value))
    items = {item.item_id: item for item in store.items()}
    told = {user.user_id: user.attributes for user in store.users()}
    user_id, baskets = _typical(purchases, told)
    touched = frozenset(_of(events, user_id)["item_id"].to_pylist()) - {None}
    return Household(
        user_id=user_id,
        attributes=told.get(user_id, {}),
        baskets=baskets,
        touched=touched,
        categories=frozenset(shelf_of(items[item_id].category) for item_id in touched if item_id in items),
        last=tuple(_last_baskets(_of(purchases, user_id), items, last)),
    )


def shelf_of(category: str | None) -> str:
    """Return the first two levels of a category path."""
    return " > ".join((category or "").split(" > ")[:2])


def _of(events: pa.Table, user_id: str) -> pa.Table:
    return events.filter(pc.equal(events["user_id"], user_id))


def _typical(purchases: pa.Table, told: Mapping[str, object]) -> tuple[str, int]:
    if purchases.num_rows == 0:
        raise InputError("the log holds no purchases; run: recsys data import complete-journey")
    shoppers = purchases.group_by("user_id").aggregate([("order_id", "count_distinct"), ("timestamp", "max")])
    rows = zip(*(shoppers[name].to_pylist() for name in shoppers.column_names), strict=True)
    recent = pc.max(purchases["timestamp"]).as_py() - _RECENT_MS
    found = sorted((baskets, user) for user, baskets, last in rows if user is not None and last >= recent)
    chosen = [(baskets, user) for baskets, user in found if user in told] or found
    baskets, user = chosen[len(chosen) // 2]
    return user, baskets


def _last_baskets(mine: pa.Table, items: Mapping[str, Item], last: int) -> Sequence[Basket]:
    baskets: dict[str, tuple[int, list[Item]]] = {}
    rows = (
        mine.sort_by([("timestamp", "descending")]).select(["order_id", "item_id", "timestamp"]).to_pylist()
    )
    for row in rows:
        _, inside = baskets.setdefault(row["order_id"], (row["timestamp"], []))
        if row["item_id"] in items:
            inside.append(items[row["item_id"]])
    return [Basket(at, tuple(inside)) for at, inside in list(baskets.values())[:last]]
