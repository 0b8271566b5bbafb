import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from feature_store.errors import SetupError
from feature_store.server.connection import check_server, connect, disconnect
from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings
from feature_store.testing import running_valkey
from recsys.errors import UnavailableError


@pytest.fixture
def external(short_folder: Path) -> Iterator[tuple[redis.Redis, StoreSettings]]:
    with running_valkey(short_folder / "v") as client:
        address = f"unix://{short_folder / 'v' / 'valkey.sock'}"
        yield client, StoreSettings(home=short_folder, redis_url=address)


def test_without_redis_url_the_home_folder_s_server_is_started_and_joined(short_folder: Path) -> None:
    settings = StoreSettings(home=short_folder, redis_url=None)
    try:
        with connect(settings) as first, connect(settings) as second:
            first.set("a", "1")
            assert second.get("a") == b"1"
            assert (short_folder / "valkey" / "valkey.sock").exists()
    finally:
        disconnect(settings)
    assert EmbeddedValkey(settings.valkey_folder).wait_until_stopped()


def test_a_safe_external_server_is_taken_without_a_word(
    external: tuple[redis.Redis, StoreSettings], caplog: pytest.LogCaptureFixture
) -> None:
    with connect(external[1]) as client:
        assert client.ping()
    assert not caplog.records


def test_a_server_that_evicts_is_refused_with_the_command_that_repairs_it(
    external: tuple[redis.Redis, StoreSettings],
) -> None:
    client, settings = external
    client.config_set("maxmemory-policy", "volatile-ttl")
    with pytest.raises(SetupError, match="CONFIG SET maxmemory-policy noeviction"):
        connect(settings)


@pytest.mark.parametrize(("option", "value"), [("appendonly", "no"), ("appendfsync", "everysec")])
def test_a_server_that_may_forget_is_warned_about(
    external: tuple[redis.Redis, StoreSettings], caplog: pytest.LogCaptureFixture, option: str, value: str
) -> None:
    client, settings = external
    client.config_set(option, value)
    with caplog.at_level(logging.WARNING), connect(settings):
        pass
    assert "loses" in caplog.text


def test_a_hosted_server_without_config_is_taken_with_a_warning(
    external: tuple[redis.Redis, StoreSettings], caplog: pytest.LogCaptureFixture
) -> None:
    client, settings = external
    client.acl_setuser("default", enabled=True, nopass=True, commands=["+@all", "-config"], keys=["*"])
    with connect(settings) as connected:
        assert connected.ping()
    assert "could not read maxmemory-policy" in caplog.text


def test_an_absent_server_is_unavailable_unless_the_check_is_waived(short_folder: Path) -> None:
    settings = StoreSettings(home=short_folder, redis_url=f"unix://{short_folder}/nobody.sock")
    with pytest.raises(UnavailableError, match="REDIS_URL does not answer"):
        connect(settings)
    connect(settings, check=False).close()


def test_a_server_older_than_7_is_refused(short_folder: Path) -> None:
    path = short_folder / "old.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        old = threading.Thread(target=_answer_like_redis_6, args=(listener,))
        old.start()
        with redis.Redis(unix_socket_path=str(path)) as client, pytest.raises(SetupError, match=r"6\.2\.14"):
            check_server(client)
        old.join()


def _answer_like_redis_6(listener: socket.socket) -> None:
    info = b"# Server\r\nredis_version:6.2.14\r\n"
    connection, _ = listener.accept()
    with connection:
        while connection.recv(4096):
            connection.sendall(b"$%d\r\n%b\r\n" % (len(info), info))
