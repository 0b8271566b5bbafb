"""The bundled load generator: prepared requests over kept connections, one thread, standard library alone.

Two ways: as fast as the answers come (closed loop, for saturation), or at a rate (open loop: arrivals at random
moments, independent of the answers, and latency counted from the moment a request was due, so that no slow answer hides
the wait of those behind it). Run as a program it reads a file of requests and prints its figures as JSON.
"""

import argparse
import json
import random
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

__all__ = ["Figures", "closed_loop", "main", "open_loop", "read_requests", "write_requests"]

_MOST_CONNECTIONS: Final = 256
_STALE_S: Final = 2.0
"""A connection that was idle for longer is not used again: the server may be about to close it."""
_PATIENCE_S: Final = 30.0
_CHUNK: Final = 1 << 17
_LESS: Final = "200, degraded"
_LENGTH: Final = b"\r\ncontent-length: "
_DEGRADED: Final = b'"degraded":["'


@dataclass
class Figures:
    """What a run found. Latencies in ms."""

    seconds: float
    requests: int = 0
    """Answered in full: with 200, and not in the server's own words `degraded`."""
    per_s: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)
    """By status, or what happened to the connection."""
    degraded: int = 0
    """Answered with 200 and less than was asked for: cheap, and so never counted among the requests."""
    mean_ms: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    p999_ms: float = 0.0
    most_ms: float = 0.0
    client_cpu_share: float = 0.0
    """Share of one core that the generator itself used: near 1 it is the bottleneck."""


class _Connection:
    """A kept connection with at most one request under way."""

    __slots__ = ("due", "idle_since", "received", "socket", "whole")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = self.idle_since = 0.0
        self.received = b""
        self.whole = 0
        """Bytes of the answer, head included; 0 while that is not known."""

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, request: bytes, due: float) -> None:
        self.due, self.received, self.whole = due, b"", 0
        self.socket.sendall(request)

    def answer(self) -> str | None:
        """Read what is there: the status of the answer once it is whole, None before.

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
            self.whole = head + 4 + _body_length(self.received[:head])
        if len(self.received) < self.whole:
            return None
        status = self.received[9:12].decode()
        return _LESS if status == "200" and _DEGRADED in self.received else status


def _body_length(head: bytes) -> int:
    place = head.lower().find(_LENGTH)
    if place < 0:
        raise ConnectionError("an answer without a length")
    return int(head[place + len(_LENGTH) :].split(b"\r\n", 1)[0])


class _Tally:
    """Answers of the measured time."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.errors: Counter[str] = Counter()
        self.degraded = 0

    def note(self, status: str, latency: float) -> None:
        if status == "200":
            self.latencies.append(latency)
        elif status == _LESS:
            self.degraded += 1
        else:
            self.errors[status] += 1

    def figures(self, seconds: float, cpu_s: float) -> Figures:
        ordered = sorted(self.latencies)

        def quantile(share: float) -> float:
            return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0

        return Figures(
            seconds=seconds,
            requests=len(ordered),
            per_s=len(ordered) / seconds,
            errors=dict(self.errors),
            degraded=self.degraded,
            mean_ms=1000 * sum(ordered) / max(len(ordered), 1),
            p50_ms=quantile(0.5),
            p90_ms=quantile(0.9),
            p99_ms=quantile(0.99),
            p999_ms=quantile(0.999),
            most_ms=quantile(1.0),
            client_cpu_share=cpu_s / seconds,
        )


def closed_loop(
    address: tuple[str, int], requests: Sequence[bytes], seconds: float, connections: int
) -> Figures:
    """Every connection asks again as soon as it is answered."""
    asked, tally = cycle(requests), _Tally()
    started, cpu = time.perf_counter(), time.process_time()
    busy = [_Connection(*address) for _ in range(connections)]
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


def _ended(
    connection: _Connection, tally: _Tally, busy: list[_Connection], address: tuple[str, int]
) -> _Connection | None:
    """The connection to ask next on, where this one's answer is whole; a new one where it broke."""
    try:
        status = connection.answer()
    except OSError as error:
        tally.errors[type(error).__name__] += 1
        connection.socket.close()
        busy.remove(connection)
        busy.append(_Connection(*address))
        return busy[-1]
    if status is None:
        return None
    tally.note(status, time.perf_counter() - connection.due)
    return connection


def open_loop(
    address: tuple[str, int], requests: Sequence[bytes], seconds: float, rate: float, seed: int = 0
) -> Figures:
    """`rate` requests a second on average, at the moments of a Poisson process.

    A request that finds all connections taken waits for one; its latency counts from when it was due.
    """
    asked, tally = cycle(requests), _Tally()
    started, cpu = time.perf_counter(), time.process_time()
    arrivals = _arrivals(started, rate, seed)
    due = next(arrivals)
    busy: list[_Connection] = []
    idle: list[_Connection] = []
    while due - started < seconds or busy:
        now = time.perf_counter()
        if now - started > seconds + _PATIENCE_S:
            tally.errors["unanswered"] += len(busy)
            break
        while due <= now and due - started < seconds and (idle or len(busy) < _MOST_CONNECTIONS):
            busy.append(_fresh(idle, now, address))
            busy[-1].send(next(asked), due)
            due = next(arrivals)
        coming = due - started < seconds and len(busy) < _MOST_CONNECTIONS
        wait = max(due - time.perf_counter(), 0.0) if coming else 0.1
        for connection in select.select(busy, (), (), wait)[0]:
            _settle(connection, tally, busy, idle)
    elapsed = time.perf_counter() - started
    for connection in (*busy, *idle):
        connection.socket.close()
    return tally.figures(max(seconds, elapsed), time.process_time() - cpu)


def _settle(connection: _Connection, tally: _Tally, busy: list[_Connection], idle: list[_Connection]) -> None:
    try:
        status = connection.answer()
    except OSError as error:
        tally.errors[type(error).__name__] += 1
        busy.remove(connection)
        connection.socket.close()
        return
    if status is not None:
        connection.idle_since = time.perf_counter()
        tally.note(status, connection.idle_since - connection.due)
        busy.remove(connection)
        idle.append(connection)


def _fresh(idle: list[_Connection], now: float, address: tuple[str, int]) -> _Connection:
    """The connection used last, unless even that one is old; then all are."""
    if idle and now - idle[-1].idle_since < _STALE_S:
        return idle.pop()
    for connection in idle:
        connection.socket.close()
    idle.clear()
    return _Connection(*address)


def _arrivals(start: float, rate: float, seed: int) -> Iterator[float]:
    gaps, moment = random.Random(seed), start
    while True:
        moment += gaps.expovariate(rate)
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, help="Requests a second; without it as many as are answered.")
    chosen = parser.parse_args()
    address, requests = (chosen.host, chosen.port), read_requests(chosen.requests)
    if chosen.rate is None:
        figures = closed_loop(address, requests, chosen.seconds, chosen.connections)
    else:
        figures = open_loop(address, requests, chosen.seconds, chosen.rate)
    sys.stdout.write(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main()
