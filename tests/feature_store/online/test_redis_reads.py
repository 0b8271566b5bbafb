"""Shoppers read by many coroutines over one connection, from a real server that stops, restarts or stands still."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from feature_store.online.contract import ShopperState
from feature_store.online.keyspace import Keys
from feature_store.online.redis_link import Timeouts
from feature_store.online.redis_reads import RedisReads
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.testing import running_valkey
from recsys.errors import UnavailableError
from recsys.types import Consent, Event, EventType, User

SHOPPERS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    with running_valkey(tmp_path_factory.mktemp("v")) as client:
        yield client


@pytest.fixture(scope="module")
def store(server: redis.Redis) -> RedisOnlineStore:
    store = RedisOnlineStore(server, history_length=20)
    for number in range(SHOPPERS):
        names: dict[str, Any] = {"user_id": f"u{number}"} if number % 3 else {"session_id": f"s{number}"}
        store.append_events(
            [
                Event(
                    event_id=f"{number}:{n}",
                    type=EventType.VIEW,
                    timestamp=1000 * n,
                    item_id=f"商品{n}",
                    **names,
                )
                for n in range(number)
            ]
        )
        if number % 2:
            store.put_user(
                User(
                    user_id=f"u{number}",
                    attributes={"城市": number},
                    consent=Consent(train=False),
                    updated_at=1,
                )
            )
    store.merge("u5", "u7", at=1)
    store.merge("s9", "u7", at=2)
    return store


def reads_of(client: redis.Redis, read_s: float = 5.0) -> RedisReads:
    return RedisReads(client, Keys("recsys"), 20, Timeouts(read_s=read_s))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def read(client: redis.Redis, user_id: str) -> ShopperState:
    async def once() -> ShopperState:
        reads = reads_of(client)
        try:
            return await reads.shopper(user_id)
        finally:
            await reads.close()

    return asyncio.run(once())


def test_everybody_is_read_as_the_store_reads_him(server: redis.Redis, store: RedisOnlineStore) -> None:
    ids = [(f"u{n}", None if n % 4 else f"s{n}") for n in range(SHOPPERS)]
    ids += [(None, f"s{n}") for n in range(SHOPPERS)]  # type: ignore[list-item]

    async def everybody() -> list[Any]:
        reads = reads_of(server)
        found = await asyncio.gather(*(reads.shopper(*pair) for pair in ids))
        await reads.close()
        return found

    found = run(everybody())
    assert found == [store.shopper(*pair) for pair in ids]
    assert found[7].merged
    assert found[5].history == found[7].history != []


def test_one_connection_serves_all_and_each_loop_has_its_own(
    server: redis.Redis, store: RedisOnlineStore
) -> None:
    reads, before = reads_of(server), server.info("clients")["connected_clients"]

    async def many() -> int:
        await asyncio.gather(*(reads.shopper(f"u{n}") for n in range(SHOPPERS)))
        clients = int(server.info("clients")["connected_clients"])
        await reads.close()
        return clients

    assert [run(many()) - before for _ in range(2)] == [1, 1]


def test_who_goes_away_does_not_take_the_others_answers(server: redis.Redis, store: RedisOnlineStore) -> None:
    async def check() -> None:
        reads = reads_of(server)
        tasks = [asyncio.create_task(reads.shopper(f"u{n}")) for n in range(30)]
        for _ in range(3):
            await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for number, state in enumerate(found):
            if number % 3:
                assert state == store.shopper(f"u{number}")
        await reads.close()

    run(check())


def test_a_server_that_stands_still_fails_all_at_once_and_is_asked_again_later(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as client:
        process = int(client.info()["process_id"])

        async def check() -> None:
            reads = reads_of(client, read_s=0.3)
            await reads.shopper("u")
            os.kill(process, signal.SIGSTOP)
            try:
                loop = asyncio.get_running_loop()
                began = loop.time()
                found = await asyncio.gather(
                    *(reads.shopper(f"u{n}") for n in range(50)), return_exceptions=True
                )
                assert {type(each) for each in found} == {UnavailableError}
                assert loop.time() - began >= 0.3
                with pytest.raises(UnavailableError):
                    await reads.shopper("u")
            finally:
                os.kill(process, signal.SIGCONT)
            await _until_it_answers(reads)
            await reads.close()

        run(check())


async def _until_it_answers(reads: RedisReads) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await reads.shopper("u")
            except UnavailableError:
                continue
            return


def test_a_connection_that_was_cut_is_replaced(server: redis.Redis, store: RedisOnlineStore) -> None:
    async def check() -> None:
        reads = reads_of(server)
        await reads.shopper("u1")
        server.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.05)
        assert await reads.shopper("u1") == store.shopper("u1")
        await reads.close()

    run(check())


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    away = redis.Redis(unix_socket_path=str(tmp_path / "none.sock"))
    with pytest.raises(UnavailableError, match="does not answer"):
        read(away, "u")


def test_password_and_database_are_the_clients(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as client:
        path = client.connection_pool.connection_kwargs["path"]
        client.acl_setuser("shop", enabled=True, passwords=["+secret"], categories=["+@all"], keys=["*"])
        ours = redis.Redis(unix_socket_path=path, username="shop", password="secret", db=3)
        store = RedisOnlineStore(ours)
        store.put_user(User(user_id="u", attributes={"a": 1}, updated_at=1))
        assert read(ours, "u").attributes == {"a": 1}
        assert read(client, "u").attributes == {}
        stranger = redis.Redis(unix_socket_path=path, username="shop", password="guess")
        with pytest.raises(UnavailableError, match="refuses"):
            read(stranger, "u")
