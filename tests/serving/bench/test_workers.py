"""Which process answers a connection, found from outside."""

import os
import signal
import sys
from pathlib import Path

import pytest

from serving.bench.processes import BenchError, Cores, Server
from serving.bench.workers import callers, holder, ready_everywhere, worker_pids

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

ANYWHERE = Cores(None, None)
FLOOR = "from serving.bench.floor import main; main()"
FORKED = """
import os, signal, socket, sys
import uvicorn
from serving.bench.floor import create_app
shared = socket.socket()
shared.bind(("127.0.0.1", int(sys.argv[1])))
shared.listen(64)
shared.setblocking(False)
for _ in range(2):
    if not os.fork():
        uvicorn.Server(uvicorn.Config(create_app(), log_config=None)).run(sockets=[shared])
        os._exit(0)
signal.pause()
"""


def test_the_only_process_answers_every_connection(tmp_path: Path) -> None:
    with Server("floor", FLOOR, ("{port}",), cores=ANYWHERE, folder=tmp_path) as server:
        pids = worker_pids(server, 1)
        assert ready_everywhere(server, 1, "any") == pids == (server.pids()[0],)
        with callers(server, pids, "any") as found:
            (caller,) = found.values()
            assert caller.call("GET", "/readyz").status == 200
            assert caller.port is not None
            assert holder(server, caller.port, pids) == pids[0]
            assert holder(server, caller.port, (os.getppid(),)) is None
        with pytest.raises(BenchError, match="2 were asked for"):
            worker_pids(server, 2)


def test_each_of_several_processes_has_a_connection_of_its_own(tmp_path: Path) -> None:
    with Server("forked", FORKED, ("{port}",), cores=ANYWHERE, folder=tmp_path) as server:
        try:
            pids = tuple(server.pids()[1:])
            assert len(pids) == 2
            with callers(server, pids, "any") as found:
                assert set(found) == set(pids)
                ports = {pid: caller.port for pid, caller in found.items()}
                assert all(holder(server, port or 0, (pid,)) == pid for pid, port in ports.items())
        finally:
            for pid in server.pids()[1:]:
                os.kill(pid, signal.SIGKILL)
