"""Named byte values in Redis, for releases on their way to serving. A value is at most 512 MB (Redis' own
limit).

The names are kept in a set of their own: looking for a prefix never walks over the shoppers' keys.
"""

import redis

from feature_store.online.keyspace import Keys
from feature_store.online.redis_link import Commands, RedisLink, run

__all__ = ["RedisBlobStore"]


class RedisBlobStore:
    """A BlobStore (recsys.release) on Redis; raises UnavailableError when it is away."""

    def __init__(self, client: redis.Redis, namespace: str = "recsys") -> None:
        self._link = RedisLink(client)
        self._keys = Keys(namespace)

    def get(self, key: str) -> bytes | None:
        """The value, None when there is none."""
        value: bytes | None = self._link.bulk(
            lambda client: client.execute_command("GET", self._keys.blob(key))
        )
        return value

    def put(self, key: str, value: bytes) -> None:
        """Store or replace."""

        def work(client: Commands) -> None:
            batch = client.pipeline(transaction=False)
            batch.execute_command("SET", self._keys.blob(key), value)
            batch.execute_command("ZADD", self._keys.blob_names, 0, key)
            run(batch)

        self._link.bulk(work)

    def delete(self, key: str) -> None:
        """Remove; nothing happens when there is none."""

        def work(client: Commands) -> None:
            batch = client.pipeline(transaction=False)
            batch.execute_command("UNLINK", self._keys.blob(key))
            batch.execute_command("ZREM", self._keys.blob_names, key)
            run(batch)

        self._link.bulk(work)

    def keys(self, prefix: str) -> list[str]:
        """All names that start with `prefix`, sorted."""
        start = b"[" + prefix.encode()
        # 0xff is in no UTF-8 text, so it follows every name with this prefix
        found = self._link.bulk(
            lambda client: client.execute_command(
                "ZRANGE", self._keys.blob_names, start, start + b"\xff", "BYLEX"
            )
        )
        return [name.decode() for name in found]

    def close(self) -> None:
        """Close the connections."""
        self._link.close()
