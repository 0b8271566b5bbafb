"""The load generator against a real server that says what it was asked: nothing lost, nothing counted twice."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from serving.bench.load import Answered, closed_loop, open_loop, read_requests, write_requests
from serving.bench.trace import Trace

ROOT = Path(__file__).parents[3]


STATUSES = {"/wrong": 500, "/later": 503, "/never": 503}


class Handler(BaseHTTPRequestHandler):
    """`/less` is degraded, `/slow` takes 50 ms, `/wrong` and others are refused, `/gone` hangs up without an answer."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(body.decode())
        if self.path == "/gone":
            self.close_connection = True
            return
        if self.path == "/slow":
            time.sleep(0.05)
        answer = {"/large": b"x" * 200_000, "/less": b'{"degraded":["overload"]}'}.get(self.path, b"{}")
        self.send_response(STATUSES.get(self.path, 200))
        if self.path == "/later":
            self.send_header("Retry-After", "1")
        self.send_header("CONTENT-LENGTH", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever measures leaves in the middle of an answer when the time is over."""


def request(path: str, body: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    Handler.asked = []
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield ("127.0.0.1", server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with serving() as found:
        yield found


def test_closed_loop_counts_every_answer_and_goes_round(address: tuple[str, int]) -> None:
    figures = closed_loop(address, [request("/", str(n)) for n in range(3)], 0.5, connections=1)
    assert not figures.errors
    assert figures.requests > 3
    assert figures.per_s == pytest.approx(figures.requests / figures.seconds)
    # The last one was under way when the time was over.
    assert figures.requests <= len(Handler.asked) <= figures.requests + 1
    assert Handler.asked[:6] == ["0", "1", "2", "0", "1", "2"]


def test_latencies_are_those_of_the_server(address: tuple[str, int]) -> None:
    figures = closed_loop(address, [request("/slow")], 0.6, connections=4)
    assert figures.p50_ms >= 50
    assert figures.p50_ms <= figures.p90_ms <= figures.p99_ms <= figures.p999_ms <= figures.most_ms
    assert 0 < figures.client_cpu_share < 1


def test_an_answer_in_many_pieces_is_one_answer(address: tuple[str, int]) -> None:
    figures = closed_loop(address, [request("/large")], 0.5, connections=2)
    assert figures.requests > 0
    assert not figures.errors


@pytest.mark.parametrize(
    "run",
    [
        lambda address, requests: closed_loop(address, requests, 0.5, 2),
        lambda address, requests: open_loop(address, requests, 0.5, 100),
    ],
    ids=["closed", "open"],
)
def test_what_is_not_200_is_an_error_and_the_others_go_on(
    run: Callable[..., object], address: tuple[str, int]
) -> None:
    figures = asdict(run(address, [request("/"), request("/wrong"), request("/gone")]))  # type: ignore[call-overload]
    assert figures["requests"] > 0
    assert figures["errors"]["500"] > 0
    assert figures["errors"]["ConnectionResetError"] > 0


def test_less_than_was_asked_for_is_no_answer_and_no_error(address: tuple[str, int]) -> None:
    figures = closed_loop(address, [request("/less"), request("/")], 0.4, 1)
    assert figures.degraded > 0
    assert abs(figures.requests - figures.degraded) <= 1
    assert not figures.errors


def test_open_loop_keeps_its_rate_whatever_the_answers_do(address: tuple[str, int]) -> None:
    # At 100 a second and 50 ms each, five are under way at a time.
    figures = open_loop(address, [request("/slow")], 1.0, rate=100)
    assert figures.requests == len(Handler.asked)
    assert 60 < figures.requests < 140
    assert figures.p50_ms >= 50


def test_the_same_seed_asks_at_the_same_moments(address: tuple[str, int]) -> None:
    first, second = (open_loop(address, [request("/")], 0.5, rate=200, seed=5).requests for _ in range(2))
    assert first == second


def test_requests_are_kept_byte_for_byte(tmp_path: Path) -> None:
    requests = [request("/", "\u9a6c\u514b\u676f"), b"", bytes(range(256)) * 300]
    write_requests(tmp_path / "requests", requests)
    assert read_requests(tmp_path / "requests") == requests


def test_it_runs_as_a_program_and_imports_nothing_but_the_standard_library(
    address: tuple[str, int], tmp_path: Path
) -> None:
    write_requests(tmp_path / "requests", [request("/")])
    code = (
        "import runpy, sys; runpy.run_module('serving.bench.load', run_name='__main__'); "
        "print(); print(*(set(sys.modules) & {'numpy', 'pydantic', 'fastapi', 'rich', 'redis'}), sep='')"
    )
    arguments = [str(tmp_path / "requests"), "--port", str(address[1]), "--seconds", "0.3", "--rate", "50"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    figures, heavy = done.stdout.split("\n")[:2]
    assert json.loads(figures)["requests"] > 0
    assert heavy == ""


def test_evenly_spread_requests_take_turns_over_connections(address: tuple[str, int]) -> None:
    trace = Trace()
    figures = open_loop(address, [request("/")], 0.5, rate=100, spread=3, even=True, trace=trace)
    assert figures.requests == len(trace)
    assert figures.requests in (49, 50)
    due = sorted(trace.rows[0::3])
    assert all(later - sooner == pytest.approx(0.01) for sooner, later in pairwise(due))


def test_what_finds_no_connection_is_given_up_by_the_impatient(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.bench.load._MOST_CONNECTIONS", 2)
    figures = open_loop(address, [request("/slow")], 0.5, rate=400, even=True, impatient=True)
    assert figures.errors["no connection free"] > 100
    assert figures.requests + figures.errors["no connection free"] == 199
    assert figures.most_ms < 450


def test_answers_are_looked_at_whole_with_the_request_they_belong_to(address: tuple[str, int]) -> None:
    seen: list[Answered] = []
    requests = [request("/large"), request("/less"), request("/wrong")]
    closed_loop(address, requests, 0.3, 1, look=seen.append)
    assert [answered.number for answered in seen[:4]] == [0, 1, 2, 0]
    assert [answered.kind for answered in seen[:3]] == ["200", "200, degraded: overload", "500"]
    assert seen[0].body == b"x" * 200_000
    assert all(answered.ended > answered.sent for answered in seen)


def test_a_refusal_has_to_say_when_to_come_again(address: tuple[str, int]) -> None:
    figures = closed_loop(address, [request("/later"), request("/never")], 0.3, 1)
    assert figures.errors.keys() == {"503", "503 without Retry-After"}
