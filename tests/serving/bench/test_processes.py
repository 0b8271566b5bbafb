"""Servers that are measured: real processes, ready when entered, gone when left, read from /proc."""

import os
import sys
from pathlib import Path

import pytest

from serving.bench.generator import paced, saturate
from serving.bench.load import write_requests
from serving.bench.processes import BenchError, Cores, Server

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

FLOOR = "from serving.bench.floor import main; main()"
ANYWHERE = Cores(None, None)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def request(body: bytes) -> bytes:
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return b"POST /recommend HTTP/1.1\r\nHost: x\r\n" + head.encode() + body


def test_a_server_is_ready_measured_loaded_and_gone(tmp_path: Path) -> None:
    write_requests(tmp_path / "requests", [request(b'{"user_id":"a"}'), request(b'{"user":"a"}')])
    with Server("floor", FLOOR, ("{port}",), cores=ANYWHERE, folder=tmp_path) as server:
        assert server.ready_s > 0
        before = server.cpu_seconds()
        assert before > 0
        for figures in (
            saturate(server, tmp_path / "requests", 1.0, 2),
            paced(server, tmp_path / "requests", 1.0, 100),
        ):
            assert figures.requests > 0
            assert sum(figures.errors.values()) > 0
        assert server.cpu_seconds() >= before
        memory = server.memory()
        assert memory.processes == 1
        assert 10 < memory.private_mb <= memory.proportional_mb <= memory.resident_mb < 1_000
        assert server.memory_by_process().keys() == {server.pids()[0]}
        pid = server.pids()[0]
        assert alive(pid)
    assert not alive(pid)
    with pytest.raises(BenchError, match="ended"):
        server.memory()


def test_children_count_as_the_server(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\n"
        "if not os.fork():\n"
        "    time.sleep(600)\n"
        "import serving.bench.floor as floor\n"
        "floor.main()"
    )
    with Server("parent", program, ("{port}",), cores=ANYWHERE, folder=tmp_path) as server:
        assert server.memory().processes == 2
        child = server.pids()[1]
        os.kill(child, 9)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = Server("broken", "raise SystemExit('no such shop')", (), cores=ANYWHERE, folder=tmp_path)
    with pytest.raises(BenchError, match="'broken' did not get ready; it said: no such shop"), server:
        pass


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_server_has_a_core_of_its_own(tmp_path: Path) -> None:
    cores, before = Cores.of_this_machine(), os.sched_getaffinity(0)
    with cores.left_to_servers():
        assert cores.server not in os.sched_getaffinity(0)
        with Server("floor", FLOOR, ("{port}",), cores=cores, folder=tmp_path) as server:
            assert os.sched_getaffinity(server.pids()[0]) == {cores.server}
    assert os.sched_getaffinity(0) == before
