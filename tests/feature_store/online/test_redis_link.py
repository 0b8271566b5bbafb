import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from feature_store.online.contract import OnlineStore
from feature_store.online.redis_link import Commands, RedisLink, Timeouts, run, with_timeouts
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.testing import running_valkey
from recsys.errors import UnavailableError
from recsys.types import Event, EventType

EVENT = Event(event_id="1", type=EventType.VIEW, timestamp=1, user_id="u", item_id="a")
QUICK = Timeouts(read_s=0.2, write_s=0.2, bulk_s=0.2, cool_down_s=0.0)


@pytest.fixture
def own_valkey(short_folder: Path) -> Iterator[redis.Redis]:
    with running_valkey(short_folder / "v") as client:
        yield client


@pytest.fixture
def away(short_folder: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(short_folder / "nobody.sock"))


def ping(client: Commands) -> object:
    return client.execute_command("PING")


def test_an_absent_server_is_unavailable_for_reads_and_writes(away: redis.Redis) -> None:
    link = RedisLink(away)
    for call in (link.read, link.write, link.bulk):
        with pytest.raises(UnavailableError):
            call(ping)


def test_after_a_failed_read_the_next_one_does_not_touch_the_network(away: redis.Redis) -> None:
    link, touched = RedisLink(away, Timeouts(cool_down_s=60.0)), []

    def work(client: Commands) -> object:
        touched.append(1)
        return ping(client)

    for _ in range(3):
        with pytest.raises(UnavailableError) as caught:
            link.read(work)
    assert len(touched) == 1
    assert caught.value.retry_after_s == 1


def test_reads_resume_after_the_pause(own_valkey: redis.Redis) -> None:
    link = RedisLink(own_valkey, Timeouts(cool_down_s=0.0))
    with pytest.raises(UnavailableError):
        link.read(_fail)
    assert link.read(ping) is True
    link.close()


def _fail(_: Commands) -> None:
    raise redis.ConnectionError("gone")


def test_a_server_that_hangs_is_unavailable(own_valkey: redis.Redis) -> None:
    pid = int(own_valkey.info("server")["process_id"])
    store = RedisOnlineStore(own_valkey, timeouts=QUICK)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(UnavailableError):
            store.shopper("u")
        with pytest.raises(UnavailableError):
            store.append_events([EVENT])
        assert not store.append_served([replace(EVENT, event_id="served")])
    finally:
        os.kill(pid, signal.SIGCONT)
    assert store.append_events([EVENT])[0] in ("accepted", "duplicate")
    assert store.shopper("u").history == [("a", 1, 1)]
    assert [event for _, event in store.read_stream("0", 10)].count(EVENT) == 1
    store.close()


def test_a_full_server_refuses_events_whole_and_takes_them_later(own_valkey: redis.Redis) -> None:
    store: OnlineStore = RedisOnlineStore(own_valkey)
    own_valkey.config_set("maxmemory", "1")
    with pytest.raises(UnavailableError, match="refuses"):
        store.append_events([EVENT])
    own_valkey.config_set("maxmemory", "0")
    assert store.read_stream("0", 10) == []
    assert store.append_events([EVENT]) == ["accepted"]


def test_a_programming_mistake_is_not_called_unavailable(own_valkey: redis.Redis) -> None:
    own_valkey.set("a", "1")
    link = RedisLink(own_valkey)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        link.read(lambda client: client.execute_command("LPOP", "a"))
    link.close()


def test_an_error_within_a_batch_does_not_repeat_the_command_and_its_data(own_valkey: redis.Redis) -> None:
    own_valkey.set("a", "1")

    def work(client: Commands) -> object:
        batch = client.pipeline(transaction=False)
        batch.execute_command("LPUSH", "a", "personal data")
        return run(batch)

    link = RedisLink(own_valkey)
    with pytest.raises(redis.ResponseError) as caught:
        link.write(work)
    assert "personal" not in str(caught.value)
    link.close()


def test_timeouts_are_those_asked_for(away: redis.Redis) -> None:
    options = with_timeouts(away, 0.125).connection_pool.connection_kwargs
    assert options["socket_timeout"] == options["socket_connect_timeout"] == 0.125
    assert options["path"] == away.connection_pool.connection_kwargs["path"]
