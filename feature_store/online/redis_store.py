"""The online store on Redis 7.0 commands: the sum of its concerns over one link.

MemoryOnlineStore says what every method means; the contract suite in tests/contracts runs on both.
"""

import redis

from feature_store.online.keyspace import Keys
from feature_store.online.redis_catalogue import RedisCatalogue
from feature_store.online.redis_company import RedisCompany
from feature_store.online.redis_events import RedisEvents
from feature_store.online.redis_identity import RedisIdentity
from feature_store.online.redis_jobs import RedisJobs
from feature_store.online.redis_link import RedisLink, Timeouts
from feature_store.online.redis_pages import RedisPages, RedisPointer
from feature_store.online.redis_users import RedisUsers
from feature_store.settings import StoreSettings

__all__ = ["RedisOnlineStore"]


class RedisOnlineStore(
    RedisEvents,
    RedisUsers,
    RedisCatalogue,
    RedisCompany,
    RedisIdentity,
    RedisPages,
    RedisPointer,
    RedisJobs,
):
    """OnlineStore on one Redis or Valkey; safe to share between threads. Connects at the first call."""

    def __init__(
        self,
        client: redis.Redis,
        namespace: str = "recsys",
        history_length: int = 500,
        timeouts: Timeouts | None = None,
    ) -> None:
        super().__init__(RedisLink(client, timeouts), Keys(namespace), history_length)

    @classmethod
    def of(
        cls, client: redis.Redis, settings: StoreSettings, timeouts: Timeouts | None = None
    ) -> "RedisOnlineStore":
        """The store of a shop, over a client from `connect`."""
        return cls(client, settings.namespace, settings.history_length, timeouts)

    def ping(self) -> None:
        """Return when the server answers; raises UnavailableError."""
        self._link.write(lambda client: client.execute_command("PING"))

    def close(self) -> None:
        """Close the connections."""
        self._link.close()
