"""OfflineStore: what training and reports read, resolved and filtered, as Arrow tables and plain values.

Events marked `test` never come out. Merged shoppers carry their final id; stored rows keep the raw one.
Events that cite only a `sku` get the `item_id` that offers it. Times are ms since the epoch, ranges are
half-open.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from feature_store.history import item_history, user_history
from feature_store.identity_edges import Edge, resolve
from feature_store.log import EventLog
from feature_store.log.parts import DAY
from feature_store.records.schemas import EVENT_SCHEMA
from recsys.types import EventType, Item, User

__all__ = ["DataRange", "OfflineStore", "Purpose", "StoredEvent"]

Purpose = Literal["personalize", "market", "train"]

StoredEvent = tuple[str, str, EventType, int]
"""(event_id, item_id, type, timestamp)"""
_REAL = ~ds.field("test")
_TYPES = {kind.value: kind for kind in EventType}


@dataclass(frozen=True, slots=True)
class DataRange:
    """What a model has seen: first and last event time (None: no events), their number, a content hash."""

    first: int | None
    last: int | None
    events: int
    hash: str


class OfflineStore:
    """Read access to the log and the histories under `home`; `edges` are merges of shoppers."""

    def __init__(self, home: Path, edges: Sequence[Edge] = ()) -> None:
        self.log = EventLog(home / "events")
        self._items = item_history(home)
        self._users = user_history(home)
        self._edges = tuple(edges)

    def events(
        self,
        since: int | None = None,
        until: int | None = None,
        columns: Sequence[str] | None = None,
        types: Collection[EventType] | None = None,
    ) -> pa.Table:
        """Events with `since <= timestamp < until`, of `types` only if given, in EVENT_SCHEMA's columns.

        Order: by day, then shopper, session, time. Ask for the `columns` you need: text is what costs memory.
        """
        wanted = list(columns) if columns is not None else EVENT_SCHEMA.names
        table = self.log.scan(since, until, _needed(wanted, bool(self._edges)), _of_types(types))
        return self._with_items(self._with_shoppers(table, until)).select(wanted)

    def items(self, as_of: int | None = None) -> list[Item]:
        """The catalogue as it was at `as_of` (None: as it is)."""
        return self._items.at(as_of)

    def users(self, as_of: int | None = None) -> list[User]:
        """Shoppers with attributes or consent as of a time; many shoppers with events are not among them."""
        return self._users.at(as_of)

    def refusals(self, purpose: Purpose, as_of: int | None = None) -> frozenset[str]:
        """Ids of shoppers who do not allow `purpose`; what they did must not be used for it."""
        return frozenset(user.user_id for user in self.users(as_of) if not getattr(user.consent, purpose))

    def histories(
        self, user_ids: Collection[str] | None = None, limit: int = 500, until: int | None = None
    ) -> Iterator[tuple[str, list[StoredEvent]]]:
        """Per shopper with a `user_id` the newest `limit` events that cite an item, oldest first."""
        columns = ("user_id", "event_id", "item_id", "type", "timestamp")
        table = self.events(until=until, columns=columns)
        keep = pc.and_(pc.is_valid(table["user_id"]), pc.is_valid(table["item_id"]))
        if user_ids is not None:
            keep = pc.and_(
                keep, pc.is_in(table["user_id"], value_set=pa.array(sorted(user_ids), pa.string()))
            )
        return _by_shopper(table.filter(keep), limit)

    def range_and_hash(self, until: int | None = None) -> DataRange:
        """What the log holds before `until`; the hash does not depend on how rows lie in files."""
        sha, times, count = hashlib.sha256(), [], 0
        for day in self.log.days():
            end = (day + 1) * DAY if until is None else min(until, (day + 1) * DAY)
            table = self.log.scan(day * DAY, end, ("event_id", "timestamp"), _REAL)
            if table.num_rows:
                times += pc.min_max(table["timestamp"]).as_py().values()
                count += table.num_rows
                sha.update("\n".join(sorted(table["event_id"].to_pylist())).encode() + b"\n")
        return DataRange(min(times, default=None), max(times, default=None), count, sha.hexdigest()[:16])

    def _with_shoppers(self, table: pa.Table, until: int | None) -> pa.Table:
        final = resolve(self._edges, until)
        if not final or "user_id" not in table.column_names:
            return table
        users = table["user_id"]
        # A session that was merged into an account belongs to it when the event names no user.
        named = pc.coalesce(users, table["session_id"])
        resolved = _translate(named, final)
        return _replace(table, "user_id", pc.coalesce(resolved, users))

    def _with_items(self, table: pa.Table) -> pa.Table:
        if not {"item_id", "sku"} <= set(table.column_names):
            return table
        nameless = pc.and_(pc.is_null(table["item_id"]), pc.is_valid(table["sku"]))
        if not pc.any(nameless).as_py():
            return table
        offered = {offer.sku: item.item_id for item in self.items() for offer in item.offers}
        return _replace(table, "item_id", pc.coalesce(table["item_id"], _translate(table["sku"], offered)))


def _needed(wanted: Sequence[str], merged: bool) -> list[str]:
    """`wanted` and the columns that resolving them takes."""
    extra = ["sku"] if "item_id" in wanted else []
    extra += ["session_id"] if "user_id" in wanted and merged else []
    return list(dict.fromkeys([*wanted, *extra]))


def _of_types(types: Collection[EventType] | None) -> ds.Expression:
    if types is None:
        return _REAL
    return _REAL & ds.field("type").isin(pa.array(sorted(kind.value for kind in types), pa.string()))


def _translate(values: pa.ChunkedArray, words: Mapping[str, str]) -> pa.ChunkedArray:
    """Each value's translation, null for those without one."""
    at = pc.index_in(values, value_set=pa.array(list(words), pa.string()))
    return pa.array(list(words.values()), pa.string()).take(at.combine_chunks())


def _replace(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _by_shopper(table: pa.Table, limit: int) -> Iterator[tuple[str, list[StoredEvent]]]:
    users = table["user_id"].combine_chunks().dictionary_encode()
    codes = users.indices.to_numpy()
    order = np.lexsort((table["timestamp"].to_numpy(), codes))
    # One gather for all: gathering from a chunked table once per shopper takes 20 times as long.
    ordered = table.select(["event_id", "item_id", "type", "timestamp"]).combine_chunks().take(order)
    bounds = np.flatnonzero(np.diff(codes[order], prepend=-1, append=-1))
    for start, stop in pairwise(bounds.tolist()):
        begin = max(start, stop - limit)
        ids, items, kinds, times = (c.to_pylist() for c in ordered.slice(begin, stop - begin).columns)
        types = map(_TYPES.__getitem__, kinds)
        history = list(zip(ids, items, types, times, strict=True))
        yield users.dictionary[int(codes[order[start]])].as_py(), history
