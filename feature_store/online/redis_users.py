"""Shoppers' attributes and consent in Redis: one document per user, and a stream of changes for the
worker."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final

from feature_store.online.codec import decode_user, encode_user, fingerprint, tombstone
from feature_store.online.contract import UserChange, Written
from feature_store.online.redis_link import Commands, RedisPart, run
from feature_store.online.shopper_lookup import user_in
from feature_store.online.stream_ids import after_id
from recsys.errors import UnavailableError
from recsys.types import User

__all__ = ["RedisUsers"]

_LOAD_BATCH: Final = 1000
_ATTEMPTS: Final = 50
_CHANGED: Final = -1
_WRITTEN: Final = (Written.WRITTEN, Written.UNCHANGED, Written.STALE)

# KEYS: document. ARGV: new document, fingerprint of the expected one or "*". -1: another writer came between.
_PUT: Final = """
local old = redis.call('GET', KEYS[1])
if ARGV[2] ~= '*' and ARGV[2] ~= (old and redis.sha1hex(old) or '') then return -1 end
if old then
  if old == ARGV[1] then return 1 end
  local stamp = '^%-?%d+'
  if tonumber(string.match(old, stamp)) > tonumber(string.match(ARGV[1], stamp)) then return 2 end
end
redis.call('SET', KEYS[1], ARGV[1])
return 0
"""


class RedisUsers(RedisPart):
    """UserStore on Redis."""

    def put_user(self, user: User) -> Written:
        """See UserStore."""
        return _WRITTEN[
            self._link.write(lambda client: self._put_document(client, user.user_id, encode_user(user), "*"))
        ]

    def get_user(self, user_id: str) -> User | None:
        """See UserStore."""
        data = self._link.read(
            lambda client: client.execute_command("GET", self._keys.user_document(user_id))
        )
        return user_in(user_id, data)

    def update_user(self, user_id: str, change: Callable[[User | None], User | None]) -> Written:
        """See UserStore."""
        for _ in range(_ATTEMPTS):
            code = self._link.write(lambda client: self._try_update_user(client, user_id, change))
            if code is None:
                return Written.SKIPPED
            if code != _CHANGED:
                return _WRITTEN[code]
        raise UnavailableError(f"user {user_id!r} is being changed by too many writers; try again")

    def _try_update_user(
        self, client: Commands, user_id: str, change: Callable[[User | None], User | None]
    ) -> int | None:
        data = client.execute_command("GET", self._keys.user_document(user_id))
        changed = change(user_in(user_id, data))
        if changed is None:
            return None
        return self._put_document(client, user_id, encode_user(changed), fingerprint(data))

    def _put_document(self, client: Commands, user_id: str, data: bytes, expected: str) -> int:
        # The change goes first: should we die between the two, a row too many in the history is harmless.
        batch = client.pipeline(transaction=False)
        if expected == "*":
            batch.execute_command("XADD", self._keys.user_changes, "*", "i", user_id, "d", data)
        batch.execute_command("EVAL", _PUT, 1, self._keys.user_document(user_id), data, expected)
        code: int = run(batch)[-1]
        if expected != "*" and code in (0, 1):
            client.execute_command("XADD", self._keys.user_changes, "*", "i", user_id, "d", data)
        return code

    def load_users(self, users: Iterable[User]) -> int:
        """See UserStore."""
        waiting, loaded = iter(users), 0
        while part := list(islice(waiting, _LOAD_BATCH)):
            self._link.bulk(partial(self._load_users, users=part))
            loaded += len(part)
        return loaded

    def _load_users(self, client: Commands, *, users: Sequence[User]) -> None:
        batch = client.pipeline(transaction=False)
        for user in users:
            key = self._keys.user_document(user.user_id)
            batch.execute_command("EVAL", _PUT, 1, key, encode_user(user), "*")
        run(batch)

    def delete_user(self, user_id: str, at: int) -> bool:
        """See UserStore."""

        def work(client: Commands) -> bool:
            batch = client.pipeline(transaction=False)
            batch.execute_command("XADD", self._keys.user_changes, "*", "i", user_id, "d", tombstone(at))
            batch.execute_command("DEL", self._keys.user_history(user_id), self._keys.user_document(user_id))
            return bool(run(batch)[-1])

        return self._link.write(work)

    def read_user_changes(self, after: str, count: int) -> list[tuple[str, UserChange]]:
        """See UserStore."""
        found = self._link.bulk(
            lambda client: client.execute_command(
                "XREAD", "COUNT", count, "STREAMS", self._keys.user_changes, after
            )
        )
        return [
            (key.decode(), decode_user(fields[b"i"].decode(), fields[b"d"]))
            for _, rows in found or ()
            for key, fields in rows
        ]

    def commit_user_changes(self, upto: str) -> None:
        """See UserStore."""
        self._link.write(
            lambda client: client.execute_command(
                "XTRIM", self._keys.user_changes, "MINID", "=", after_id(upto)
            )
        )
