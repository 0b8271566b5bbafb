"""Servers under load: started on a core of their own, read from /proc, gone with this process.

Figures are sums over the process and its children, so that a supervisor with workers is measured as one server.
"""

import http.client
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from recsys.errors import RecsysError
from serving.runtime.processes import Child, Command

__all__ = ["BenchError", "Cores", "Memory", "Server"]

_READY_S: Final = 180.0
_POLL_S: Final = 0.01
_STOP_S: Final = 20.0
_LAST_LINES: Final = 8


class BenchError(RecsysError):
    """A measurement could not be made."""


@dataclass(frozen=True)
class Cores:
    """Where servers run and where everything else does; None where there is but one core, or no way to choose."""

    server: int | None
    others: tuple[int, ...] | None

    @classmethod
    def of_this_machine(cls) -> Self:
        """The first core for servers, the others for load generator, store and this process."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, None)
        first, *rest = sorted(os.sched_getaffinity(0))
        return cls(first, tuple(rest)) if rest else cls(None, None)

    @contextmanager
    def left_to_servers(self) -> Iterator[None]:
        """This process, and what it starts meanwhile, stays off the servers' core."""
        if self.server is None or self.others is None:
            yield
            return
        os.sched_setaffinity(0, self.others)
        try:
            yield
        finally:
            os.sched_setaffinity(0, (self.server, *self.others))


@dataclass(frozen=True)
class Memory:
    """MB of a server and its children together."""

    resident_mb: float
    """With the pages that several processes share counted in each."""
    private_mb: float
    """What another process of the same kind would cost."""
    proportional_mb: float
    """With each shared page divided by those who share it: what all of them really take."""
    processes: int


class Server:
    """One server process: `program` is Python source, `arguments` its command line.

    A context: the server is ready inside and gone afterwards.
    """

    def __init__(
        self,
        name: str,
        program: str,
        arguments: tuple[str, ...],
        *,
        cores: Cores,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.host = "127.0.0.1"
        self.port = _free_port()
        self.ready_s = 0.0
        """From the start of the process to its first `ready`."""
        self.log = folder / f"{name}.log"
        pin = f"import os; os.sched_setaffinity(0, {{{cores.server}}}); " if cores.server is not None else ""
        command = Command(
            name=name,
            arguments=(
                sys.executable,
                "-c",
                pin + program,
                *(part.replace("{port}", str(self.port)) for part in arguments),
            ),
            environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **(environment or {})},
            log=self.log,
        )
        self._child = Child(command, lambda _: None)

    def __enter__(self) -> Self:
        started = time.perf_counter()
        self._child.tend()
        try:
            while (trouble := self._trouble()) is not None:
                if self._child.pid is None or time.perf_counter() - started > _READY_S:
                    raise BenchError(
                        f"the server {self.name!r} did not get ready; it said: {self.last_words()}; {trouble}"
                    )
                time.sleep(_POLL_S)
        except BaseException:
            self._child.stop(_STOP_S)
            raise
        self.ready_s = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop(_STOP_S)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    def cpu_seconds(self) -> float:
        """CPU time so far.

        Raises:
            BenchError: the server has ended.
        """
        return sum(map(_cpu_seconds, self.pids()))

    def memory(self) -> Memory:
        """Memory now.

        Raises:
            BenchError: the server has ended.
        """
        each = self.memory_by_process().values()
        return Memory(
            sum(memory.resident_mb for memory in each),
            sum(memory.private_mb for memory in each),
            sum(memory.proportional_mb for memory in each),
            len(each),
        )

    def memory_by_process(self) -> dict[int, Memory]:
        """Memory of each process now, by its id.

        Raises:
            BenchError: the server has ended.
        """
        return {pid: _memory(pid) for pid in self.pids()}

    def get(self, path: str) -> bytes:
        """The body of a GET that is answered with 200.

        Raises:
            BenchError: it is not.
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise BenchError(f"the server {self.name!r} does not answer {path}: {error}") from None
        finally:
            connection.close()
        if answer.status != 200:
            said = body[:300].decode(errors="replace")
            raise BenchError(f"the server {self.name!r} answers {path} with {answer.status}: {said}")
        return body

    def last_words(self) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return " | ".join(text.splitlines()[-_LAST_LINES:]) or "nothing"

    def _trouble(self) -> str | None:
        """Why it is not ready."""
        try:
            self.get("/readyz")
        except BenchError as error:
            return str(error)
        return None

    def pids(self) -> list[int]:
        """Ids of the process and of all below it, itself first.

        Raises:
            BenchError: the server has ended.
        """
        if self._child.pid is None:
            raise BenchError(f"the server {self.name!r} ended; it said: {self.last_words()}")
        found, left = [], [self._child.pid]
        while left:
            found.append(left.pop())
            left += _children(found[-1])
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for text in lists for child in text.split()]


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, its ended children's left out; 0 when it has just gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> Memory:
    found = _rollup(pid)
    private = found.get("Private_Clean", 0) + found.get("Private_Dirty", 0)
    return Memory(found.get("Rss", 0) / 1024, private / 1024, found.get("Pss", 0) / 1024, 1)


def _rollup(pid: int) -> dict[str, int]:
    """kB by name from smaps_rollup; empty where there is none."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) for words in pairs}
