"""Where a serving process keeps things: opened once, with whatever part is away left to come back later."""

from collections.abc import Callable
from dataclasses import dataclass

import redis
import structlog
from sqlalchemy import Engine

from feature_store.database import make_engine, open_database
from feature_store.online.blobs import RedisBlobStore
from feature_store.online.contract import OnlineStore
from feature_store.online.keyspace import Keys
from feature_store.online.redis_link import RedisLink
from feature_store.online.redis_notes import RedisNotes
from feature_store.online.redis_reads import RedisReads
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.server.connection import client_for, connect, disconnect
from recsys.errors import UnavailableError
from recsys.release import BlobStore
from serving.settings import Settings

__all__ = ["Stores", "open_stores"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What a process talks to."""

    online: OnlineStore
    reads: RedisReads
    """Shoppers, for the event loop."""
    notes: RedisNotes
    """What is written after answers, over connections of its own."""
    blobs: BlobStore
    database: Engine
    close: Callable[[], None] = lambda: None
    """Gives the connections back."""


def open_stores(settings: Settings) -> Stores:
    """The shop's stores.

    Raises:
        SetupError: a store is there and unsafe to use (it would lose events, or is newer than this code).
    """
    client, engine = _client(settings), _engine(settings)
    online = RedisOnlineStore.of(client, settings)
    keys, length = Keys(settings.namespace), settings.history_length
    reads, notes = RedisReads(client, keys, length), RedisNotes(RedisLink(client), keys, length)

    def close() -> None:
        online.close()
        notes.close()
        client.close()
        disconnect(settings)
        engine.dispose()

    return Stores(online, reads, notes, RedisBlobStore(client, settings.namespace), engine, close)


def _client(settings: Settings) -> redis.Redis:
    try:
        return connect(settings)
    except UnavailableError as error:
        _log.warning("online_store_away", reason=str(error))
        return client_for(settings)


def _engine(settings: Settings) -> Engine:
    try:
        return open_database(settings)
    except UnavailableError as error:
        _log.warning("database_away", reason=str(error))
        return make_engine(settings.database_url)
