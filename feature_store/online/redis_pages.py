"""Small single values in Redis: what a next page needs, and which release is live."""

from typing import Final

from feature_store.online.contract import Pointer
from feature_store.online.redis_link import RedisPart

__all__ = ["RedisPages", "RedisPointer"]

# KEYS: pointer. ARGV: release, at. The same release again keeps `previous`: a retry must not lose it.
_SWAP: Final = """
local live = redis.call('HGET', KEYS[1], 'release_id')
if live ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'release_id', ARGV[1], 'previous', live or '', 'at', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'release_id', 'previous', 'at')
"""


class RedisPages(RedisPart):
    """PageStore on Redis."""

    def remember_page(self, recomm_id: str, payload: bytes, ttl_s: int = 1800) -> None:
        """See PageStore."""
        self._link.write(
            lambda client: client.execute_command("SET", self._keys.page(recomm_id), payload, "EX", ttl_s)
        )

    def recall_page(self, recomm_id: str) -> bytes | None:
        """See PageStore."""
        payload: bytes | None = self._link.read(
            lambda client: client.execute_command("GET", self._keys.page(recomm_id))
        )
        return payload


class RedisPointer(RedisPart):
    """ReleasePointer on Redis."""

    def live_release(self) -> Pointer | None:
        """See ReleasePointer."""
        return _pointer(
            self._link.write(
                lambda client: client.execute_command(
                    "HMGET", self._keys.live, "release_id", "previous", "at"
                )
            )
        )

    def set_live_release(self, release_id: str, at: int) -> Pointer:
        """See ReleasePointer."""
        stored = self._link.write(
            lambda client: client.execute_command("EVAL", _SWAP, 1, self._keys.live, release_id, at)
        )
        return _pointer(stored) or Pointer(release_id, None, at)


def _pointer(fields: list[bytes | None]) -> Pointer | None:
    release_id, previous, at = fields
    if release_id is None or at is None:
        return None
    return Pointer(release_id.decode(), previous.decode() if previous else None, int(at))
