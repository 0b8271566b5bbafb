"""From the log to what models learn from: interactions, the catalogue, shoppers' attributes.

Invariants: nobody who refused training is in a data set; nothing at or after `until` is; events without a
shopper count under their session (an id no shopper can have); codes depend on ids, not on how files lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.offline import DataRange, OfflineStore
from feature_store.online.contract import HISTORY_TYPES
from recsys.interactions import Interactions
from recsys.past import SESSION_GAP_MS
from recsys.types import EVENT_CODES, EventType, Item
from recsys.vocabulary import Vocabulary

__all__ = [
    "EVENT_COLUMNS",
    "Dataset",
    "interactions_of",
    "read_dataset",
    "read_interactions",
    "with_catalogue",
]

# Control characters cannot be in an id, so such a name is nobody's.
_SESSION_MARK: Final = "\x00"
EVENT_COLUMNS: Final = ("user_id", "session_id", "item_id", "type", "timestamp", "order_id", "quantity")


@dataclass(frozen=True)
class Dataset:
    """Everything a run reads from the log."""

    interactions: Interactions
    known: npt.NDArray[np.bool_]
    """bool[n_users]: False for sessions without a shopper."""
    range: DataRange
    synthetic_time: bool
    """Times only order the events; a temporal protocol would measure nothing."""


def read_dataset(store: OfflineStore, until: int | None = None) -> Dataset:
    """Read what may be learned from before `until` (None: all of it)."""
    interactions = read_interactions(store, until, store.refusals("train"))
    known = np.array([not name.startswith(_SESSION_MARK) for name in interactions.users.ids], np.bool_)
    return Dataset(interactions, known, store.range_and_hash(until), _synthetic(store, until))


def read_interactions(
    store: OfflineStore, until: int | None = None, without: frozenset[str] = frozenset()
) -> Interactions:
    """What happened before `until`, as columns; shoppers in `without` are left out."""
    return interactions_of(store.events(until=until, columns=EVENT_COLUMNS, types=HISTORY_TYPES), without)


def interactions_of(table: pa.Table, without: frozenset[str] = frozenset()) -> Interactions:
    """A table with `EVENT_COLUMNS` as interactions; rows without an item or a shopper are left out."""
    table = _kept(table, without)
    user, users = _encode(_shoppers(table))
    item, items = _encode(table["item_id"])
    time = table["timestamp"].to_numpy()
    return Interactions.sort(
        users=users,
        items=items,
        columns=(user, item, _types(table["type"]), time, _sessions(table, user, time), _quantities(table)),
    )


def with_catalogue(interactions: Interactions, items: Sequence[Item]) -> Interactions:
    """The same rows over the items of a catalogue and of the rows themselves, and no others."""
    seen = np.unique(interactions.item)
    ids = {item.item_id for item in items} | set(interactions.items.decode(seen))
    vocabulary = Vocabulary(sorted(ids))
    codes = vocabulary.encode(interactions.items.ids)
    return replace(interactions, items=vocabulary, item=codes[interactions.item])


def _kept(table: pa.Table, refused: frozenset[str]) -> pa.Table:
    someone = pc.or_(pc.is_valid(table["user_id"]), pc.is_valid(table["session_id"]))
    keep = pc.and_(someone, pc.is_valid(table["item_id"]))
    if refused:
        may_not = pc.is_in(table["user_id"], value_set=pa.array(sorted(refused), pa.string()))
        keep = pc.and_(keep, pc.invert(may_not))
    return table.filter(keep)


def _shoppers(table: pa.Table) -> pa.ChunkedArray:
    session = pc.binary_join_element_wise(_SESSION_MARK, table["session_id"], "")
    return pc.coalesce(table["user_id"], session)


def _encode(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], Vocabulary]:
    """Codes of a text column without nulls, and the vocabulary in the order of the ids."""
    encoded = column.combine_chunks().dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[encoded.indices.to_numpy()], Vocabulary(encoded.dictionary.take(order).to_pylist())


def _types(column: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    encoded = column.combine_chunks().dictionary_encode()
    codes = np.array([EVENT_CODES[EventType(name)] for name in encoded.dictionary.to_pylist()], np.int8)
    types: npt.NDArray[np.int8] = codes[encoded.indices.to_numpy()]
    return types


def _quantities(table: pa.Table) -> npt.NDArray[np.float32]:
    return np.asarray(pc.fill_null(table["quantity"], 1.0).to_numpy(), np.float32)


def _sessions(
    table: pa.Table, user: npt.NDArray[np.int32], time: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Session codes: the event's session, else its order, else what 30 minutes of silence cut apart."""
    named = pc.coalesce(table["session_id"], table["order_id"]).combine_chunks().dictionary_encode()
    codes = pc.fill_null(named.indices, -1).to_numpy().astype(np.int64)
    codes = np.where(codes < 0, len(named.dictionary) + _visits(user, time), codes)
    # Two shoppers may use one session id, as with a till's number: they are two sessions.
    pairs = user.astype(np.int64) * (len(named.dictionary) + len(user) + 1) + codes
    return np.unique(pairs, return_inverse=True)[1].astype(np.int32)


def _visits(user: npt.NDArray[np.int32], time: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number of each row's visit, counted over all shoppers."""
    order = np.lexsort((time, user))
    starts = np.ones(len(order), bool)
    starts[1:] = (np.diff(user[order]) != 0) | (np.diff(time[order]) > SESSION_GAP_MS)
    visits = np.empty(len(order), np.int64)
    visits[order] = np.cumsum(starts)
    return visits


def _synthetic(store: OfflineStore, until: int | None) -> bool:
    contexts = store.events(until=until, columns=("context",))["context"]
    return bool(pc.any(pc.match_substring(contexts, '"synthetic_time":true')).as_py())
