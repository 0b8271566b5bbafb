"""The supervisor, with real processes and a real store: all come up, come back, and go together."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feature_store.server.valkey import EmbeddedValkey
from feature_store.server.valkey_guard import answers
from recsys.errors import ConfigError
from serving.runtime.processes import Command
from serving.runtime.supervisor import Supervisor, children_of, free_port, lock_home, refuse_taken_port
from serving.settings import Settings

# Writes its pid where the test looks for it, and how it was asked to stop.
HELPER = """
import os, pathlib, signal, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def leave(*_):
    with (folder / "order").open("a") as order:
        order.write(name + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
(folder / name).write_text(str(os.getpid()))
time.sleep(120)
"""


def helper(folder: Path, name: str) -> Command:
    return Command(name=name, arguments=(sys.executable, "-c", HELPER, str(folder), name))


def pid_of(folder: Path, name: str) -> int:
    wait_for(lambda: (folder / name).exists() and (folder / name).read_text() != "")
    return int((folder / name).read_text())


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    made = EmbeddedValkey(tmp_path_factory.mktemp("v"))
    yield made
    made.leave()
    made.wait_until_stopped()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., tuple[Supervisor, threading.Thread, list[str]]]]:
    started: list[tuple[Supervisor, threading.Thread]] = []

    def start(store: EmbeddedValkey | None = None) -> tuple[Supervisor, threading.Thread, list[str]]:
        said: list[str] = []
        commands = [helper(tmp_path, name) for name in ("api", "worker", "jobs")]
        supervisor = Supervisor(commands, store, said.append)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        started.append((supervisor, thread))
        return supervisor, thread, said

    yield start
    for supervisor, thread in started:
        supervisor.stop()
        thread.join(20)


Run = Callable[..., tuple[Supervisor, threading.Thread, list[str]]]


def test_all_come_up_and_the_first_is_stopped_first(run: Run, tmp_path: Path) -> None:
    supervisor, thread, _ = run()
    pids = [pid_of(tmp_path, name) for name in ("api", "worker", "jobs")]
    assert all(alive(pid) for pid in pids)
    supervisor.stop()
    thread.join(20)
    assert not any(alive(pid) for pid in pids)
    order = (tmp_path / "order").read_text().split()
    assert order[0] == "api"
    assert sorted(order[1:]) == ["jobs", "worker"]


def test_a_killed_child_comes_back(run: Run, tmp_path: Path) -> None:
    _, _, said = run()
    first = pid_of(tmp_path, "worker")
    (tmp_path / "worker").unlink()
    os.kill(first, signal.SIGKILL)
    assert pid_of(tmp_path, "worker") != first
    assert said == ["worker was killed by SIGKILL; starting it again in 0.2 s"]


def test_a_killed_store_comes_back_and_ends_with_the_supervisor(run: Run, store: EmbeddedValkey) -> None:
    supervisor, thread, _ = run(store)
    wait_for(lambda: answers(store.socket).startswith("+PONG"))
    server = int(info(store.socket, "process_id"))
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: not alive(server))
    wait_for(lambda: answers(store.socket).startswith("+PONG"))
    assert int(info(store.socket, "process_id")) != server
    supervisor.stop()
    thread.join(20)
    assert store.wait_until_stopped()


def info(path: Path, name: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"INFO server\r\n")
        text = client.recv(65536).decode()
    return next(line.partition(":")[2] for line in text.splitlines() if line.startswith(name))


PARENT = """
import sys, pathlib
sys.path.insert(0, {root!r})
from serving.runtime.processes import Command
from serving.runtime.supervisor import Supervisor
folder = sys.argv[1]
program = (sys.executable, "-c", {helper!r}, folder)
commands = [Command(name=name, arguments=(*program, name)) for name in ("api", "worker")]
Supervisor(commands, None, print).run()
(pathlib.Path(folder) / "order").open("a").write("end")
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    root = str(Path(__file__).resolve().parents[3])
    program = textwrap.dedent(PARENT).format(root=root, helper=HELPER)
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], process_group=0)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_order(
    parent: "subprocess.Popen[bytes]", tmp_path: Path, number: signal.Signals
) -> None:
    pids = [pid_of(tmp_path, name) for name in ("api", "worker")]
    # To the whole group, as a terminal's Ctrl-C does: children must still be stopped by their parent.
    os.killpg(parent.pid, number)
    assert parent.wait(20) == 0
    assert (tmp_path / "order").read_text() == "api worker end"
    assert not any(alive(pid) for pid in pids)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux")
def test_children_die_with_a_parent_that_was_killed(
    parent: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    pids = [pid_of(tmp_path, name) for name in ("api", "worker")]
    parent.kill()
    wait_for(lambda: not any(alive(pid) for pid in pids))
    assert sorted((tmp_path / "order").read_text().split()) == ["api", "worker"]


def test_a_taken_port_is_said_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} of 127\.0\.0\.1 is taken.*--port \d+"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port("127.0.0.1")
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:8000"):
        refuse_taken_port("192.0.2.1", 8000)


def test_two_supervisors_do_not_share_a_home(tmp_path: Path) -> None:
    home = tmp_path / "new"
    with lock_home(home), pytest.raises(ConfigError, match="already runs"), lock_home(home):
        pytest.fail("the second one was let in")
    with lock_home(home):
        pass


def test_the_children_get_the_home_the_address_and_one_thread(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path, host="127.0.0.1")
    api, worker, jobs = children_of(settings, 8123, tmp_path / "logs")
    assert [command.arguments[-1] for command in (api, worker, jobs)] == ["serve", "worker", "jobs"]
    assert api.environment["RECSYS_PORT"] == "8123"
    assert api.environment["RECSYS_HOME"] == str(tmp_path)
    assert (api.environment["OMP_NUM_THREADS"], api.environment["OPENBLAS_NUM_THREADS"]) == ("1", "1")
    # A job trains: it sets its own threads.
    assert "OMP_NUM_THREADS" not in jobs.environment
    assert api.log == tmp_path / "logs" / "api.log"
    assert worker.log is not None
    assert worker.log.parent.is_dir()
