"""The catalogue in Redis: a hash of current documents and a stream of changes, written by one script.

A reader's cursor is `<epoch>/<stream id>`. The epoch is drawn once per set of data, so that a
reader notices when the server has lost its data; the id of the last trimmed entry tells it that it has
fallen behind.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from feature_store.online.codec import decode_item, encode_item, fingerprint, stamp_of, tombstone
from feature_store.online.contract import ITEM_CHANGES_KEPT_MS, ItemChange, Written
from feature_store.online.redis_link import Commands, RedisPart, run
from feature_store.online.stream_ids import after_id, id_of, order_of
from recsys.errors import UnavailableError
from recsys.types import Item

__all__ = ["RedisCatalogue"]

_BATCH: Final = 500
_ATTEMPTS: Final = 50
_CHANGED: Final = 3
_VERDICTS: Final = (Written.WRITTEN, Written.UNCHANGED, Written.STALE)

# KEYS: documents, changes, epoch. ARGV: an epoch, "1" to announce, then per item its id, its document, and
# the fingerprint of the expected stored document or "*". Answer 3: another writer came between.
_PUT: Final = """
redis.call('SET', KEYS[3], ARGV[1], 'NX')
local stamp = '^%-?%d+'
local verdicts = {}
for i = 3, #ARGV, 3 do
  local id, new, expected = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local old = redis.call('HGET', KEYS[1], id)
  local verdict = 0
  if expected ~= '*' and expected ~= (old and redis.sha1hex(old) or '') then
    verdict = 3
  elseif old == new then
    verdict = 1
  elseif old and tonumber(string.match(old, stamp)) > tonumber(string.match(new, stamp)) then
    verdict = 2
  else
    redis.call('HSET', KEYS[1], id, new)
    if ARGV[2] == '1' then redis.call('XADD', KEYS[2], '*', 'i', id, 'd', new) end
  end
  verdicts[#verdicts + 1] = verdict
end
return verdicts
"""

# KEYS: changes, written, trimmed. ARGV: written up to, the last id that may go, the one after it.
_COMMIT: Final = """
local last = redis.call('XREVRANGE', KEYS[1], ARGV[2], '-', 'COUNT', 1)
if #last > 0 then
  redis.call('SET', KEYS[3], last[1][1])
  redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[3])
end
redis.call('SET', KEYS[2], ARGV[1])
"""

_Row = tuple[str, bytes, str]
"""(item_id, document, expected fingerprint or "*")"""


class RedisCatalogue(RedisPart):
    """ItemStore on Redis."""

    def put_items(self, items: Sequence[Item]) -> list[Written]:
        """See ItemStore."""
        rows = [(item.item_id, encode_item(item), "*") for item in items]
        return [_VERDICTS[code] for code in self._link.bulk(lambda client: self._put_rows(client, rows))]

    def _put_rows(self, client: Commands, rows: Sequence[_Row], announce: bool = True) -> list[int]:
        batch = client.pipeline(transaction=False)
        keys = (self._keys.items, self._keys.item_changes, self._keys.item_epoch)
        for start in range(0, len(rows), _BATCH):
            parts = [part for row in rows[start : start + _BATCH] for part in row]
            batch.execute_command("EVAL", _PUT, 3, *keys, uuid.uuid4().hex, int(announce), *parts)
        return [code for codes in run(batch) for code in codes]

    def load_items(self, items: Iterable[Item]) -> int:
        """See ItemStore."""
        waiting, loaded = iter(items), 0
        while part := [(item.item_id, encode_item(item), "*") for item in islice(waiting, _BATCH)]:
            self._link.bulk(partial(self._put_rows, rows=part, announce=False))
            loaded += len(part)
        return loaded

    def update_items(
        self, item_ids: Sequence[str], change: Callable[[str, Item | None], Item | None]
    ) -> list[Written]:
        """See ItemStore."""
        verdicts: dict[str, Written] = {}
        waiting = list(dict.fromkeys(item_ids))
        for _ in range(_ATTEMPTS):
            if not waiting:
                return [verdicts[item_id] for item_id in item_ids]
            verdicts |= self._link.bulk(partial(self._try_update_items, item_ids=waiting, change=change))
            waiting = [item_id for item_id in waiting if item_id not in verdicts]
        raise UnavailableError(f"item {waiting[0]!r} is being changed by too many writers; try again")

    def _try_update_items(
        self, client: Commands, item_ids: Sequence[str], change: Callable[[str, Item | None], Item | None]
    ) -> dict[str, Written]:
        stored = client.execute_command("HMGET", self._keys.items, *item_ids)
        rows: list[_Row] = []
        for item_id, data in zip(item_ids, stored, strict=True):
            changed = change(item_id, _item(item_id, data))
            if changed is not None:
                rows.append((item_id, encode_item(changed), fingerprint(data)))
        verdicts = dict.fromkeys(item_ids, Written.SKIPPED)
        for (item_id, _, _), code in zip(rows, self._put_rows(client, rows), strict=True):
            if code == _CHANGED:
                del verdicts[item_id]
            else:
                verdicts[item_id] = _VERDICTS[code]
        return verdicts

    def get_item(self, item_id: str) -> Item | None:
        """See ItemStore."""
        return self.get_items([item_id])[0]

    def get_items(self, item_ids: Sequence[str]) -> list[Item | None]:
        """See ItemStore."""
        if not item_ids:
            return []
        stored = self._link.read(lambda client: client.execute_command("HMGET", self._keys.items, *item_ids))
        return [_item(item_id, data) for item_id, data in zip(item_ids, stored, strict=True)]

    def delete_item(self, item_id: str, at: int) -> Written:
        """See ItemStore."""

        def work(client: Commands) -> Written:
            data = client.execute_command("HGET", self._keys.items, item_id)
            if _item(item_id, data) is None:
                return Written.SKIPPED
            return _VERDICTS[self._put_rows(client, [(item_id, tombstone(at), "*")])[0]]

        return self._link.write(work)

    def catalogue_snapshot(self, changed_after: int | None = None) -> tuple[str, Iterator[ItemChange]]:
        """See ItemStore."""

        def work(client: Commands) -> str:
            batch = client.pipeline(transaction=False)
            batch.execute_command("SET", self._keys.item_epoch, uuid.uuid4().hex, "NX")
            batch.execute_command("MGET", self._keys.item_epoch, self._keys.item_trimmed)
            batch.execute_command("XREVRANGE", self._keys.item_changes, "+", "-", "COUNT", 1)
            _, (epoch, trimmed), last = run(batch)
            latest: bytes = (last[0][0] if last else trimmed) or b"0-0"
            return f"{epoch.decode()}/{latest.decode()}"

        return self._link.bulk(work), self._documents(changed_after)

    def _documents(self, changed_after: int | None) -> Iterator[ItemChange]:
        position = 0
        while True:
            position, found = self._link.bulk(partial(self._scan, position=position))
            for item_id, data in found.items():
                if changed_after is None or stamp_of(data) > changed_after:
                    yield decode_item(item_id.decode(), data)
            if position == 0:
                return

    def _scan(self, client: Commands, *, position: int) -> Any:
        return client.execute_command("HSCAN", self._keys.items, position, "COUNT", 1000)

    def catalogue_since(
        self, cursor: str, block_ms: int = 0, count: int = 1000
    ) -> tuple[str, list[ItemChange]] | None:
        """See ItemStore."""
        epoch, _, after = cursor.rpartition("/")

        def work(client: Commands) -> Any:
            batch = client.pipeline(transaction=False)
            batch.execute_command("MGET", self._keys.item_epoch, self._keys.item_trimmed)
            batch.execute_command("XREAD", *self._reading(after, count, block_ms))
            return run(batch)

        (now_epoch, trimmed), found = self._link.bulk(work)
        if (now_epoch or b"").decode() != epoch or (trimmed and order_of(trimmed.decode()) > order_of(after)):
            return None
        changes = _changes(found)
        return f"{epoch}/{changes[-1][0] if changes else after}", [change for _, change in changes]

    def _reading(self, after: str, count: int, block_ms: int = 0) -> tuple[object, ...]:
        waiting = ("BLOCK", block_ms) if block_ms else ()
        return ("COUNT", count, *waiting, "STREAMS", self._keys.item_changes, after)

    def read_item_changes(self, after: str, count: int) -> list[tuple[str, ItemChange]]:
        """See ItemStore."""
        return _changes(
            self._link.bulk(lambda client: client.execute_command("XREAD", *self._reading(after, count)))
        )

    def item_changes_written(self) -> str:
        """See ItemStore."""
        held = self._link.write(lambda client: client.execute_command("GET", self._keys.item_written))
        return held.decode() if held else "0"

    def commit_item_changes(self, upto: str, now: int) -> None:
        """See ItemStore."""
        last = id_of(min(order_of(upto), (now - ITEM_CHANGES_KEPT_MS, 0)))
        keys = (self._keys.item_changes, self._keys.item_written, self._keys.item_trimmed)
        self._link.write(
            lambda client: client.execute_command("EVAL", _COMMIT, 3, *keys, upto, last, after_id(last))
        )


def _item(item_id: str, data: bytes | None) -> Item | None:
    item = None if data is None else decode_item(item_id, data)
    return item if isinstance(item, Item) else None


def _changes(found: Any) -> list[tuple[str, ItemChange]]:
    return [
        (key.decode(), decode_item(fields[b"i"].decode(), fields[b"d"]))
        for _, rows in found or ()
        for key, fields in rows
    ]
