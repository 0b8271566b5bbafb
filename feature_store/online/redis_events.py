"""Events and shoppers' histories in Redis.

One script stores the idempotency key and the stream entry of every event of a call, atomically: either
both are there or neither. The histories follow in the same round trip; they are in other hash slots, but
writing an entry twice changes nothing, and the entry of a conflicting event is taken back.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from feature_store.online.codec import (
    belongs_in_history,
    content_digest,
    decode_event,
    encode_event,
    event_member,
    history_member,
)
from feature_store.online.contract import (
    MAX_EVENTS_PER_CALL,
    Backlog,
    ShopperState,
    StoredEvent,
    Verdict,
)
from feature_store.online.redis_link import Batch, Commands, RedisPart, run
from feature_store.online.shopper_lookup import shopper_lookup, step
from feature_store.online.stream_ids import after_id, order_of
from recsys.errors import InputError, UnavailableError
from recsys.types import Event

__all__ = ["RedisEvents"]

_DAY_S: Final = 86_400
_IDEMPOTENCY_MS: Final = 7 * _DAY_S * 1000
_HISTORY_S: Final = 90 * _DAY_S
_LOAD_BATCH: Final = 200
_VERDICTS: Final = (Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.CONFLICT)

# KEYS: stream, then one idempotency key per event. ARGV: its life in ms, then digest and entry of each.
_APPEND: Final = """
local verdicts = {}
for i = 2, #KEYS do
  local digest, entry = ARGV[2 * i - 2], ARGV[2 * i - 1]
  if redis.call('SET', KEYS[i], digest, 'NX', 'PX', ARGV[1]) then
    redis.call('XADD', KEYS[1], '*', 'e', entry)
    verdicts[i - 1] = 0
  elseif redis.call('GET', KEYS[i]) == digest then
    verdicts[i - 1] = 1
  else
    verdicts[i - 1] = 2
  end
end
return verdicts
"""

_Entry = tuple[int, str, bytes, int]
"""(index of the event in the call, history key, member, score)"""


class RedisEvents(RedisPart):
    """EventStore on Redis."""

    def append_events(self, events: Sequence[Event]) -> list[Verdict]:
        """See EventStore."""
        if len(events) > MAX_EVENTS_PER_CALL:
            raise InputError(f"{len(events)} events in one call; send at most {MAX_EVENTS_PER_CALL}")
        if not events:
            return []
        return self._link.write(lambda client: self._append(client, events))

    def _append(self, client: Commands, events: Sequence[Event]) -> list[Verdict]:
        entries = [entry for index, event in enumerate(events) for entry in self._entries(index, event)]
        batch = client.pipeline(transaction=False)
        self._queue_events(batch, events)
        for _, key, member, score in entries:
            batch.execute_command("ZADD", key, "NX", score, member)
        keys = sorted({key for _, key, _, _ in entries})
        for key in keys:
            batch.execute_command("EXPIRE", key, _HISTORY_S)
            batch.execute_command("ZCARD", key)
        codes, *answers = run(batch)
        added = [entry for entry, new in zip(entries, answers, strict=False) if new]
        refused = [(key, member) for index, key, member, _ in added if codes[index] == 2]
        sizes = answers[len(entries) + 1 :: 2]
        self._settle(
            client,
            refused,
            [key for key, size in zip(keys, sizes, strict=True) if size > self._history_length],
        )
        return [_VERDICTS[code] for code in codes]

    def _queue_events(self, batch: Batch, events: Sequence[Event]) -> None:
        seen = [self._keys.seen(event.event_id) for event in events]
        pairs = [part for event in events for part in (content_digest(event), encode_event(event))]
        batch.execute_command(
            "EVAL", _APPEND, len(seen) + 1, self._keys.events, *seen, _IDEMPOTENCY_MS, *pairs
        )

    def _queue_upkeep(self, batch: Batch, key: str) -> None:
        batch.execute_command("ZREMRANGEBYRANK", key, 0, -self._history_length - 1)
        batch.execute_command("EXPIRE", key, _HISTORY_S)

    def _entries(self, index: int, event: Event) -> list[_Entry]:
        if not belongs_in_history(event):
            return []
        keys = []
        if event.user_id is not None:
            keys.append(self._keys.user_history(event.user_id))
        if event.session_id is not None:
            keys.append(self._keys.session_history(event.session_id))
        return [(index, key, event_member(event), event.timestamp) for key in keys]

    def _settle(self, client: Commands, refused: Sequence[tuple[str, bytes]], full: Sequence[str]) -> None:
        """Take refused events back, and only then cut histories: a refused event must not push out a real one."""
        if not refused and not full:
            return
        batch = client.pipeline(transaction=False)
        for key, member in refused:
            batch.execute_command("ZREM", key, member)
        for key in full:
            self._queue_upkeep(batch, key)
        run(batch)

    def append_served(self, events: Sequence[Event]) -> bool:
        """See EventStore."""

        def work(client: Commands) -> None:
            batch = client.pipeline(transaction=False)
            for event in events:
                batch.execute_command("XADD", self._keys.events, "*", "e", encode_event(event))
            run(batch)

        try:
            self._link.write(work)
        except UnavailableError:
            return False
        return True

    def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        """See EventStore."""
        return self._link.read(lambda client: self._shopper(client, user_id, session_id))

    def _shopper(self, client: Commands, user_id: str | None, session_id: str | None) -> ShopperState:
        lookup = shopper_lookup(self._keys, self._history_length, user_id, session_id)
        wanted = step(lookup, None)
        while not isinstance(wanted, ShopperState):
            batch = client.pipeline(transaction=False)
            for command in wanted:
                batch.execute_command(*command)
            wanted = step(lookup, run(batch))
        return wanted

    def load_histories(self, histories: Iterable[tuple[str, Sequence[StoredEvent]]]) -> int:
        """See EventStore."""
        shoppers, loaded = iter(histories), 0
        while batch := list(islice(shoppers, _LOAD_BATCH)):
            loaded += self._link.bulk(partial(self._load, shoppers=batch))
        return loaded

    def _load(self, client: Commands, *, shoppers: Sequence[tuple[str, Sequence[StoredEvent]]]) -> int:
        batch, loaded = client.pipeline(transaction=False), 0
        for user_id, events in shoppers:
            if not events:
                continue
            key = self._keys.user_history(user_id)
            pairs: list[Any] = []
            for event_id, item_id, code, timestamp in events:
                pairs += (timestamp, history_member(event_id, item_id, code, timestamp))
            batch.execute_command("ZADD", key, *pairs)
            self._queue_upkeep(batch, key)
            loaded += len(events)
        run(batch)
        return loaded

    def read_stream(self, after: str, count: int, block_ms: int = 0) -> list[tuple[str, Event]]:
        """See EventStore."""
        waiting = ("BLOCK", block_ms) if block_ms else ()
        found = self._link.bulk(
            lambda client: client.execute_command(
                "XREAD", "COUNT", count, *waiting, "STREAMS", self._keys.events, after
            )
        )
        return [(key.decode(), decode_event(fields[b"e"])) for _, rows in found or () for key, fields in rows]

    def trim_stream(self, upto: str) -> None:
        """See EventStore."""
        self._link.write(
            lambda client: client.execute_command("XTRIM", self._keys.events, "MINID", "=", after_id(upto))
        )

    def backlog(self) -> Backlog:
        """See EventStore."""

        def work(client: Commands) -> Backlog:
            batch = client.pipeline(transaction=False)
            batch.execute_command("XLEN", self._keys.events)
            batch.execute_command("XRANGE", self._keys.events, "-", "+", "COUNT", 1)
            length, first = run(batch)
            return Backlog(length, order_of(first[0][0].decode())[0] if first else None)

        return self._link.write(work)
