"""How values look inside the online store; the memory store keeps the same bytes, so that both agree on
everything.

A history entry is one member `item_id␟code␟timestamp␟mark` of a sorted set whose score is the timestamp.
The mark comes from the event id, so that an entry written twice stays one. Item and user documents carry
their `updated_at` in front (`1700000000000 {json}`; nothing behind the space is a tombstone) so that a
script need not parse JSON.
"""

from collections.abc import Sequence
from hashlib import blake2b, sha1
from itertools import chain

import orjson

from feature_store.online.contract import HISTORY_TYPES, Deleted, HistoryEntry, ItemChange, UserChange
from feature_store.records.codec import (
    event_from_dict,
    event_to_dict,
    item_from_dict,
    item_to_dict,
    user_from_dict,
    user_to_dict,
)
from recsys.types import EVENT_CODES, Event, Item, User

__all__ = [
    "belongs_in_history",
    "content_digest",
    "decode_event",
    "decode_history",
    "decode_item",
    "decode_user",
    "encode_event",
    "encode_item",
    "encode_user",
    "event_member",
    "fingerprint",
    "history_member",
    "stamp_of",
    "tombstone",
    "union_histories",
]

_SEPARATOR = "\x1f"


def encode_event(event: Event) -> bytes:
    """Compact JSON; empty fields are left out."""
    return orjson.dumps(event_to_dict(event))


def decode_event(data: bytes) -> Event:
    """Inverse of `encode_event`."""
    return event_from_dict(orjson.loads(data))


def content_digest(event: Event) -> bytes:
    """8 bytes over what the client said; the time of arrival does not count."""
    content = event_to_dict(event)
    content.pop("received_at", None)
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()


def belongs_in_history(event: Event) -> bool:
    """Whether models can use it."""
    return event.item_id is not None and event.type in HISTORY_TYPES and not event.test


def history_member(event_id: str, item_id: str, code: int, timestamp: int) -> bytes:
    """The sorted-set member of one event."""
    mark = blake2b(event_id.encode(), digest_size=4).hexdigest()
    return f"{item_id}\x1f{code}\x1f{timestamp}\x1f{mark}".encode()


def event_member(event: Event) -> bytes:
    """The member of an event that belongs in histories."""
    return history_member(event.event_id, event.item_id or "", EVENT_CODES[event.type], event.timestamp)


def decode_history(members: Sequence[bytes]) -> list[HistoryEntry]:
    """Members to (item_id, code, timestamp), in order; about 0.2 ms for 500."""
    if not members:
        return []
    parts = b"\x1f".join(members).decode().split(_SEPARATOR)
    return list(zip(parts[0::4], map(int, parts[1::4]), map(int, parts[2::4]), strict=True))


def union_histories(histories: Sequence[Sequence[bytes]], limit: int) -> list[bytes]:
    """The newest `limit` members of several histories, each event once, oldest first."""
    first, *others = histories
    further = set(chain.from_iterable(others)).difference(first)
    if not further:
        return list(first[-limit:])
    return sorted(further.union(first), key=_time_order)[-limit:]


def _time_order(member: bytes) -> tuple[int, bytes]:
    return int(member.rsplit(b"\x1f", 2)[1]), member


def encode_item(item: Item) -> bytes:
    """A document with its time in front."""
    return _stamped(item.updated_at, item_to_dict(item))


def encode_user(user: User) -> bytes:
    """A document with its time in front."""
    return _stamped(user.updated_at, user_to_dict(user))


def _stamped(updated_at: int | None, document: dict[str, object]) -> bytes:
    return b"%d %b" % (updated_at or 0, orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def tombstone(at: int) -> bytes:
    """What is stored instead of something that was deleted."""
    return b"%d " % at


def stamp_of(data: bytes) -> int:
    """`updated_at` of a stored document, 0 for none."""
    return int(data.split(b" ", 1)[0])


def decode_item(item_id: str, data: bytes) -> ItemChange:
    """Inverse of `encode_item` and `tombstone`."""
    stamp, document = data.split(b" ", 1)
    return item_from_dict(orjson.loads(document)) if document else Deleted(item_id, int(stamp))


def decode_user(user_id: str, data: bytes) -> UserChange:
    """Inverse of `encode_user` and `tombstone`."""
    stamp, document = data.split(b" ", 1)
    return user_from_dict(orjson.loads(document)) if document else Deleted(user_id, int(stamp))


def fingerprint(data: bytes | None) -> str:
    """What a compare-and-set compares; "" for nothing. SHA-1 because Redis scripts have it, not as a
    secret."""
    return "" if data is None else sha1(data, usedforsecurity=False).hexdigest()
