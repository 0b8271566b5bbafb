"""What only the Redis store has; what it shares with the memory store is in tests/contracts."""

from pathlib import Path

import pytest
import redis

from feature_store.online.keyspace import Keys
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.settings import StoreSettings
from recsys.errors import UnavailableError
from recsys.types import Consent, Event, EventType, User


def view(number: int) -> Event:
    return Event(event_id=str(number), type=EventType.VIEW, timestamp=number, user_id="u", item_id="a")


def test_a_shop_s_settings_give_the_prefix_and_the_length(
    valkey: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    settings = StoreSettings(home=tmp_path, namespace=namespace, history_length=3)
    store = RedisOnlineStore.of(valkey, settings)
    store.append_events([view(number) for number in range(5)])
    assert len(store.shopper("u").history) == 3
    assert RedisOnlineStore(valkey, f"{namespace}-other").shopper("u").history == []
    assert valkey.exists(f"{namespace}:{{u:u}}:h")
    store.close()


def test_histories_and_idempotency_keys_expire_and_the_stream_and_users_do_not(
    valkey: redis.Redis, redis_store: RedisOnlineStore, namespace: str
) -> None:
    keys = Keys(namespace)
    redis_store.append_events([view(1)])
    redis_store.put_user(User(user_id="u", consent=Consent(market=False)))

    def days(key: str | bytes) -> int:
        return round(int(valkey.ttl(key)) / 86_400)

    assert days(keys.seen("1")) == 7
    assert days(keys.user_history("u")) == 90
    assert valkey.ttl(keys.events) == valkey.ttl(keys.user_document("u")) == -1


def test_a_ping_answers_or_says_that_the_server_is_away(
    redis_store: RedisOnlineStore, short_folder: Path
) -> None:
    redis_store.ping()
    away = RedisOnlineStore(redis.Redis(unix_socket_path=str(short_folder / "nobody.sock")))
    with pytest.raises(UnavailableError):
        away.ping()
