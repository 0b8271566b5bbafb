"""A child comes back when it dies, more slowly each time, and stops when asked."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.runtime.processes import Child, Command, Forked

SLEEP = "import time; time.sleep(60)"
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


class Hands:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[Child, list[str]]]]:
    children = []

    def make(
        program: str, clock: Callable[[], float] = time.monotonic, **environment: str
    ) -> tuple[Child, list[str]]:
        said: list[str] = []
        command = Command(
            name="helper",
            arguments=(sys.executable, "-c", program),
            environment=environment,
            log=tmp_path / "helper.log",
        )
        child = Child(command, said.append, clock)
        children.append(child)
        return child, said

    yield make
    for child in children:
        child.stop(0.0)


def end(child: Child) -> None:
    pid = child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: child.pid is None)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_child_comes_back_after_pauses_that_grow_to_a_limit(
    start: Callable[..., tuple[Child, list[str]]],
) -> None:
    hands = Hands()
    child, said = start(SLEEP, hands)
    child.tend()
    for pause in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0):
        end(child)
        child.tend()
        hands.at += pause - 0.05
        child.tend()
        assert child.pid is None
        hands.at += 0.1
        child.tend()
        assert child.pid is not None
    assert said[0] == "helper was killed by SIGKILL; starting it again in 0.2 s"


def test_a_child_that_was_well_for_a_while_comes_back_quickly(
    start: Callable[..., tuple[Child, list[str]]],
) -> None:
    hands = Hands()
    child, said = start(SLEEP, hands)
    child.tend()
    for _ in range(3):
        end(child)
        child.tend()
        hands.at += 10
        child.tend()
    assert [line.split()[-2] for line in said] == ["0.2", "0.4", "0.8"]
    hands.at += 10
    end(child)
    child.tend()
    assert said[-1].split()[-2] == "0.2"


def test_the_code_of_a_child_that_ends_by_itself_is_said(
    start: Callable[..., tuple[Child, list[str]]],
) -> None:
    child, said = start("raise SystemExit(3)")
    child.tend()
    wait_for(lambda: child.pid is None)
    child.tend()
    assert said == ["helper ended with code 3; starting it again in 0.2 s"]


def test_output_goes_to_the_log_and_is_added_to_it(
    start: Callable[..., tuple[Child, list[str]]], tmp_path: Path
) -> None:
    (tmp_path / "helper.log").write_text("before\n", encoding="utf-8")
    child, _ = start(
        "import os, sys; print(os.environ['WORD'], file=sys.stderr)", WORD="你好", PYTHONIOENCODING="utf-8"
    )
    child.tend()
    wait_for(lambda: child.pid is None)
    assert (tmp_path / "helper.log").read_text(encoding="utf-8") == "before\n你好\n"


def test_a_child_that_does_not_listen_is_killed(
    start: Callable[..., tuple[Child, list[str]]], tmp_path: Path
) -> None:
    child, said = start(DEAF)
    child.tend()
    wait_for(lambda: "deaf" in (tmp_path / "helper.log").read_text())
    child.stop(0.2)
    assert child.pid is None
    assert said == ["helper does not stop, killing it"]


def test_stopping_what_never_ran_does_nothing(start: Callable[..., tuple[Child, list[str]]]) -> None:
    child, said = start(SLEEP)
    child.stop(1.0)
    assert said == []


def forked(run: Callable[[], None]) -> tuple[Child, list[str]]:
    said: list[str] = []
    return Child(Forked("copy", run), said.append), said


def test_a_forked_child_runs_what_it_was_given_and_is_stopped_like_any_other() -> None:
    child, said = forked(lambda: time.sleep(60))
    child.tend()
    pid = child.pid
    assert pid is not None and pid != os.getpid()
    child.stop(5.0)
    assert child.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert said == []


@pytest.mark.parametrize(
    ("run", "how"),
    [
        (lambda: None, "ended with code 0"),
        (lambda: sys.exit(3), "ended with code 3"),
        (lambda: 1 / 0, "ended with code 1"),
    ],
)
def test_a_forked_child_ends_by_itself_and_is_told_of(run: Callable[[], None], how: str) -> None:
    child, said = forked(run)
    child.tend()
    wait_for(lambda: child.pid is None)
    child.tend()
    assert how in said[0]


def test_a_forked_child_that_is_killed_comes_back() -> None:
    child, said = forked(lambda: time.sleep(60))
    child.tend()
    end(child)
    child.tend()
    assert "SIGKILL" in said[0]
    wait_for(lambda: (child.tend(), child.pid)[1] is not None)
    child.stop(0.0)


def test_a_forked_child_that_is_deaf_is_killed() -> None:
    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)

    child, said = forked(deaf)
    child.tend()
    time.sleep(0.3)
    child.stop(0.2)
    assert child.pid is None
    assert said == ["copy does not stop, killing it"]
