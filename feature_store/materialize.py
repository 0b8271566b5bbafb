"""Fills the online store from the log: recent histories, users and items, for a new store or one that lost
its data.

Nothing is announced and nothing newer is overwritten, so it may run at any time, also while events come
in, and again. Histories keep raw ids; merges are resolved when they are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from feature_store.offline import OfflineStore
from feature_store.online.contract import HISTORY_TYPES, EventStore, ItemStore, StoredEvent, UserStore
from recsys.types import EVENT_CODES

__all__ = ["Materialized", "OnlineTarget", "materialize"]


class OnlineTarget(EventStore, UserStore, ItemStore, Protocol):
    """What is filled."""


@dataclass(frozen=True, slots=True)
class Materialized:
    """How much was put online."""

    events: int
    users: int
    items: int


def materialize(home: Path, store: OnlineTarget, history_length: int = 500) -> Materialized:
    """Put the newest `history_length` events of every shopper, all users and all items online.

    2,500 shoppers with 500 events each take a few seconds. Raises UnavailableError when the store is away;
    run it again then.
    """
    offline = OfflineStore(home)
    return Materialized(
        events=store.load_histories(_histories(offline, history_length)),
        users=store.load_users(offline.users()),
        items=store.load_items(offline.items()),
    )


def _histories(offline: OfflineStore, limit: int) -> Iterator[tuple[str, Sequence[StoredEvent]]]:
    for user_id, events in offline.histories(limit=limit):
        wanted = [
            (event_id, item_id, EVENT_CODES[kind], timestamp)
            for event_id, item_id, kind, timestamp in events
            if kind in HISTORY_TYPES
        ]
        if wanted:
            yield user_id, wanted
