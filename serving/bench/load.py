"""The bundled load generator: prepared requests over kept connections, one thread, standard library alone.

Two ways: as fast as the answers come (closed loop, for saturation), or at a rate (open loop: arrivals at random
moments, or evenly, independent of the answers, and latency counted from the moment a request was due, so that no slow
answer hides the wait of those behind it). Run as a program it reads a file of requests and prints its figures as JSON;
it may keep a row per answer (`serving.bench.trace`) and look at what the answers show (`serving.bench.looks`).
"""

import argparse
import json
import random
import re
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Final

from serving.bench.looks import Belonging, Sightings
from serving.bench.tally import LESS, Answered, Figures, Look, Tally
from serving.bench.trace import Trace

__all__ = [
    "Answered",
    "Figures",
    "Look",
    "closed_loop",
    "main",
    "open_loop",
    "read_requests",
    "write_requests",
]

_MOST_CONNECTIONS: Final = 256
_STALE_S: Final = 2.0
"""A connection that was idle for longer is not used again: the server may be about to close it."""
_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.002
"""Between two connections that are opened: one process after another takes them."""
_CHUNK: Final = 1 << 17
_LENGTH: Final = b"\r\ncontent-length: "
_RETRY: Final = b"\r\nretry-after: "
_DEGRADED: Final = re.compile(rb'"degraded":\["([a-z_]+)')


class _Connection:
    """A kept connection with at most one request under way."""

    __slots__ = ("body_from", "due", "idle_since", "number", "received", "sent", "socket", "whole")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = self.sent = self.idle_since = 0.0
        self.number = self.body_from = 0
        self.received = b""
        self.whole = 0
        """Bytes of the answer, head included; 0 while that is not known."""

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, request: tuple[int, bytes], due: float) -> None:
        self.due, self.sent, self.received, self.whole = due, time.perf_counter(), b"", 0
        self.number, content = request
        self.socket.sendall(content)

    def answer(self) -> str | None:
        """Read what is there: the kind of the answer once it is whole, None before.

        Raises:
            OSError: it broke off.
        """
        data = self.socket.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("closed by the server")
        self.received = self.received + data if self.received else data
        if not self.whole:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return None
            self.body_from = head + 4
            self.whole = self.body_from + _body_length(self.received[:head])
        if len(self.received) < self.whole:
            return None
        return self._kind()

    def _kind(self) -> str:
        status = self.received[9:12].decode()
        if status == "200":
            less = _DEGRADED.search(self.received)
            return status if less is None else LESS + less[1].decode()
        if status == "503" and _RETRY not in self.received[: self.body_from].lower():
            return "503 without Retry-After"
        return status

    def body(self) -> bytes:
        return self.received[self.body_from : self.whole]


def _body_length(head: bytes) -> int:
    place = head.lower().find(_LENGTH)
    if place < 0:
        raise ConnectionError("an answer without a length")
    return int(head[place + len(_LENGTH) :].split(b"\r\n", 1)[0])


def closed_loop(
    address: tuple[str, int],
    requests: Sequence[bytes],
    seconds: float,
    connections: int,
    *,
    look: Look | None = None,
    trace: Trace | None = None,
) -> Figures:
    """Every connection asks again as soon as it is answered."""
    asked, tally = cycle(enumerate(requests)), Tally(look, trace)
    started, cpu = time.perf_counter(), time.process_time()
    busy = _opened(address, connections)
    for connection in busy:
        connection.send(next(asked), time.perf_counter())
    while (now := time.perf_counter()) - started < seconds:
        ready, _, _ = select.select(busy, (), (), seconds - (now - started))
        for connection in ready:
            again = _ended(connection, tally, busy, address)
            if again is not None:
                again.send(next(asked), time.perf_counter())
    elapsed = time.perf_counter() - started
    for connection in busy:
        connection.socket.close()
    return tally.figures(elapsed, time.process_time() - cpu)


def _opened(address: tuple[str, int], count: int) -> list[_Connection]:
    """So many connections, one after another, so that several workers share them."""
    opened = []
    for _ in range(count):
        opened.append(_Connection(*address))
        time.sleep(_PAUSE_S)
    return opened


def _ended(
    connection: _Connection, tally: Tally, busy: list[_Connection], address: tuple[str, int]
) -> _Connection | None:
    """The connection to ask next on, where this one's answer is whole; a new one where it broke."""
    try:
        kind = connection.answer()
    except OSError as error:
        tally.failed(type(error).__name__, connection.due)
        connection.socket.close()
        busy.remove(connection)
        busy.append(_Connection(*address))
        return busy[-1]
    if kind is None:
        return None
    tally.note(kind, connection)
    return connection


def open_loop(
    address: tuple[str, int],
    requests: Sequence[bytes],
    seconds: float,
    rate: float,
    seed: int = 0,
    *,
    spread: int = 0,
    even: bool = False,
    impatient: bool = False,
    look: Look | None = None,
    trace: Trace | None = None,
) -> Figures:
    """`rate` requests a second on average, at the moments of a Poisson process, or evenly.

    A request that finds all connections taken waits for one; its latency counts from when it was due. By default the
    connection used last is used next; with `spread` so many are opened first and take turns, as behind a balancer.
    `impatient`: a request that finds all connections taken is not sent, but counted as `no connection free`.
    """
    asked, tally = cycle(enumerate(requests)), Tally(look, trace)
    busy: list[_Connection] = []
    idle = _opened(address, spread)
    started, cpu = time.perf_counter(), time.process_time()
    arrivals = _arrivals(started, rate, None if even else seed)
    due = next(arrivals)
    for connection in idle:
        connection.idle_since = started
    while due - started < seconds or busy:
        now = time.perf_counter()
        if now - started > seconds + _PATIENCE_S:
            for connection in busy:
                tally.failed("unanswered", connection.due)
            break
        while due <= now and due - started < seconds and (impatient or len(busy) < _MOST_CONNECTIONS):
            if len(busy) < _MOST_CONNECTIONS:
                busy.append(_fresh(idle, now, address, first=spread > 0))
                busy[-1].send(next(asked), due)
            else:
                tally.failed("no connection free", due)
            due = next(arrivals)
        coming = due - started < seconds and (impatient or len(busy) < _MOST_CONNECTIONS)
        wait = max(due - time.perf_counter(), 0.0) if coming else 0.1
        for connection in select.select(busy, (), (), wait)[0]:
            _settle(connection, tally, busy, idle)
    elapsed = time.perf_counter() - started
    for connection in (*busy, *idle):
        connection.socket.close()
    return tally.figures(max(seconds, elapsed), time.process_time() - cpu)


def _settle(connection: _Connection, tally: Tally, busy: list[_Connection], idle: list[_Connection]) -> None:
    try:
        kind = connection.answer()
    except OSError as error:
        tally.failed(type(error).__name__, connection.due)
        busy.remove(connection)
        connection.socket.close()
        return
    if kind is not None:
        connection.idle_since = time.perf_counter()
        tally.note(kind, connection)
        busy.remove(connection)
        idle.append(connection)


def _fresh(idle: list[_Connection], now: float, address: tuple[str, int], *, first: bool) -> _Connection:
    """The connection used last, unless even that one is old; then all are. `first`: the one used longest ago."""
    while first and idle:
        if now - idle[0].idle_since < _STALE_S:
            return idle.pop(0)
        idle.pop(0).socket.close()
    if idle and now - idle[-1].idle_since < _STALE_S:
        return idle.pop()
    for connection in idle:
        connection.socket.close()
    idle.clear()
    return _Connection(*address)


def _arrivals(start: float, rate: float, seed: int | None) -> Iterator[float]:
    """Moments of a Poisson process; evenly without a seed."""
    gaps, moment = random.Random(seed), start
    while True:
        moment += 1 / rate if seed is None else gaps.expovariate(rate)
        yield moment


def write_requests(path: Path, requests: Sequence[bytes]) -> None:
    """Whole HTTP requests, each behind its length in four bytes."""
    path.write_bytes(b"".join(len(request).to_bytes(4, "big") + request for request in requests))


def read_requests(path: Path) -> list[bytes]:
    """What `write_requests` wrote."""
    raw, place, requests = path.read_bytes(), 0, []
    while place < len(raw):
        end = place + 4 + int.from_bytes(raw[place : place + 4], "big")
        requests.append(raw[place + 4 : end])
        place = end
    return requests


def main() -> None:
    """Load one server and print the figures."""
    chosen = _options().parse_args()
    address, requests = (chosen.host, chosen.port), read_requests(chosen.requests)
    trace = None if chosen.trace is None else Trace()
    look = _look(chosen)
    if chosen.rate is None:
        figures = closed_loop(address, requests, chosen.seconds, chosen.connections, look=look, trace=trace)
    else:
        figures = open_loop(
            address,
            requests,
            chosen.seconds,
            chosen.rate,
            chosen.seed,
            spread=chosen.spread,
            impatient=chosen.impatient,
            look=look,
            trace=trace,
        )
    if trace is not None:
        trace.write(chosen.trace)
    if look is not None:
        chosen.found.write_text(json.dumps(look.found()), encoding="utf-8")
    sys.stdout.write(json.dumps(asdict(figures)))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, help="Requests a second; without it as many as are answered.")
    parser.add_argument("--seed", type=int, default=0, help="Of the moments at which requests are due.")
    parser.add_argument("--spread", type=int, default=0, help="Connections that take turns at a rate.")
    parser.add_argument("--impatient", action="store_true", help="Give up what finds no free connection.")
    parser.add_argument("--trace", type=Path, help="Write a row per answer there.")
    parser.add_argument("--watch", type=Path, help="Item ids (JSON) whose showing is noted.")
    parser.add_argument("--releases", type=Path, help="Item ids by release (JSON) that answers are held to.")
    parser.add_argument("--found", type=Path, help="Write what --watch or --releases found there.")
    return parser


def _look(chosen: argparse.Namespace) -> Sightings | Belonging | None:
    if chosen.watch is not None:
        return Sightings(json.loads(chosen.watch.read_text(encoding="utf-8")))
    if chosen.releases is not None:
        return Belonging(json.loads(chosen.releases.read_text(encoding="utf-8")))
    return None


if __name__ == "__main__":
    main()
