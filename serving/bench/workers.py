"""The processes behind one port, told apart from outside: which of them holds the other end of a connection.

Linux says it: `/proc/net/tcp` gives the socket of the server's end, `/proc/<pid>/fd` who holds that socket. The product
need not say it itself.
"""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from serving.bench.calls import Caller
from serving.bench.processes import BenchError, Server

__all__ = ["callers", "holder", "ready_everywhere", "worker_pids"]

_READY_S: Final = 180.0
_MOST_TRIES: Final = 400
_HELD: Final = "01"
"""ESTABLISHED."""


def worker_pids(server: Server, count: int) -> tuple[int, ...]:
    """The processes that answer: the server itself, or with several workers those below it.

    Raises:
        BenchError: there are not so many.
    """
    first, *below = server.pids()
    found = (first,) if count == 1 else tuple(pid for pid in below if _sockets(pid))
    if len(found) != count:
        raise BenchError(f"{len(found)} workers are there, {count} were asked for: {server.last_words()}")
    return found


def holder(server: Server, port: int, pids: tuple[int, ...]) -> int | None:
    """The process that has accepted our connection from `port`; None where nobody has (yet)."""
    inode = _inode(server.port, port)
    return next((pid for pid in pids if inode is not None and inode in _sockets(pid)), None)


@contextmanager
def callers(server: Server, pids: tuple[int, ...], key: str) -> Iterator[dict[int, Caller]]:
    """One connection to each of the processes, by its id; closed afterwards.

    Raises:
        BenchError: one of them takes no connection.
    """
    found: dict[int, Caller] = {}
    others: list[Caller] = []
    try:
        for _ in range(_MOST_TRIES):
            caller = Caller(server.address, key, stays=True)
            pid = _reached(server, caller, pids)
            if pid is None or pid in found:
                # Kept open until the end: whoever holds fewer connections is likelier to take the next.
                others.append(caller)
            else:
                found[pid] = caller
            if len(found) == len(pids):
                break
        else:
            raise BenchError(f"only {len(found)} of {len(pids)} workers take connections")
        for caller in others:
            caller.close()
        yield found
    finally:
        for caller in (*found.values(), *others):
            caller.close()


def ready_everywhere(server: Server, count: int, key: str) -> tuple[int, ...]:
    """Wait until every worker has a release; returns their ids.

    Raises:
        BenchError: one does not get ready.
    """
    until = time.perf_counter() + _READY_S
    while time.perf_counter() < until:
        try:
            pids = worker_pids(server, count)
            with callers(server, pids, key) as each:
                if all(caller.call("GET", "/readyz").status == 200 for caller in each.values()):
                    return pids
        except (BenchError, OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    raise BenchError(f"{count} workers did not get ready; they said: {server.last_words()}")


def _reached(server: Server, caller: Caller, pids: tuple[int, ...]) -> int | None:
    """Who answers this connection; a call is answered first, so somebody has accepted it."""
    try:
        caller.call("GET", "/healthz")
    except (OSError, http.client.HTTPException):
        return None
    return None if caller.port is None else holder(server, caller.port, pids)


def _inode(server_port: int, port: int) -> str | None:
    """The socket of the server's end of a connection on this machine."""
    ours, theirs = f":{port:04X}", f":{server_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(theirs) and fields[2].endswith(ours) and fields[3] == _HELD:
            return fields[9]
    return None


def _sockets(pid: int) -> frozenset[str]:
    """The sockets that a process holds; none where it has gone."""
    try:
        links = [path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return frozenset()
    return frozenset(link[len("socket:[") : -1] for link in links if link.startswith("socket:["))
