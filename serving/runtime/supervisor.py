"""`recsys up`: everything one machine needs, in one process tree that starts and ends as one.

The embedded store first (unless REDIS_URL names another), then the API, the event worker and the jobs worker,
each a process of its own. Invariants: a dead child comes back, a dead store too; SIGINT and SIGTERM stop the
API first, so that nothing new is acknowledged, and the store last; two supervisors never share a home folder.
"""

import errno
import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from recsys.errors import ConfigError, UnavailableError
from serving.runtime.processes import Child, Command, Startable
from serving.settings import Settings

__all__ = ["Store", "Supervisor", "children_of", "free_port", "lock_home", "refuse_taken_port"]

_TICK_S: Final = 0.1
_STORE_TICKS: Final = 10
_STORE_PATIENCE_S: Final = 2.0
_STOP_PATIENCE_S: Final = 15.0
_SERVING_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Store(Protocol):
    """The embedded store as the supervisor uses it."""

    def ensure(self, timeout_s: float) -> None:
        """Join the running server or start it."""

    def leave(self) -> None:
        """Give up this process's use of it."""


class Supervisor:
    """Keeps `commands` running until `stop` is called or a signal comes; the first one is stopped first."""

    def __init__(
        self,
        commands: Sequence[Startable],
        store: Store | None,
        say: Callable[[str], None],
        each_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = [Child(command, say) for command in commands]
        self._store = store
        self._say = say
        self._each_tick = each_tick
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begin to stop; `run` returns when everything has ended. A second call kills what still runs."""
        if self._stopping.is_set():
            for child in self._children:
                child.kill()
        self._stopping.set()

    def run(self) -> None:
        """Start everything and stay until told to stop.

        Raises:
            ConfigError: the store has no binary to run.
            UnavailableError: the store does not start.
        """
        with self._signals():
            if self._store is not None:
                self._store.ensure(timeout_s=60.0)
            try:
                self._tend_until_stopped()
            finally:
                self._stop_all()

    def _tend_until_stopped(self) -> None:
        ticks = 0
        while not self._stopping.is_set():
            if ticks % _STORE_TICKS == 0:
                self._tend_store()
            for child in self._children:
                child.tend()
            self._each_tick()
            ticks += 1
            self._stopping.wait(_TICK_S)

    def _tend_store(self) -> None:
        if self._store is None:
            return
        try:
            self._store.ensure(timeout_s=_STORE_PATIENCE_S)
        except UnavailableError as error:
            self._say(f"the store is away, trying again: {error}")

    def _stop_all(self) -> None:
        for child in self._children[:1]:
            child.stop(_STOP_PATIENCE_S)
        for child in self._children[1:]:
            child.ask_to_stop()
        for child in self._children[1:]:
            child.stop(_STOP_PATIENCE_S)
        if self._store is not None:
            self._store.leave()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # only a main thread gets signals; whoever runs us elsewhere calls stop()
            return
        before = {
            number: signal.signal(number, lambda *_: self.stop())
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def children_of(settings: Settings, port: int, logs: Path | None = None) -> list[Command]:
    """Return the product's own processes; each writes into a file of `logs`, or to the terminal when None."""
    environment = {**_environment(settings), "RECSYS_PORT": str(port)}
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)

    def command(name: str, verb: str, **extra: str) -> Command:
        log = logs / f"{name}.log" if logs is not None else None
        arguments = (sys.executable, "-c", "from recsys.cli import main; main()", verb)
        return Command(name=name, arguments=arguments, environment={**environment, **extra}, log=log)

    return [
        command("api", "serve", **_SERVING_ENVIRONMENT),
        command("worker", "worker", **_SERVING_ENVIRONMENT),
        command("jobs", "jobs"),
    ]


def refuse_taken_port(host: str, port: int) -> None:
    """Raise ConfigError when nothing can listen on `port` of `host`, with what to do about it."""
    try:
        _bind(host, port)
    except socket.gaierror:
        raise ConfigError(f"{host!r} is not an address of this machine; set --host or RECSYS_HOST") from None
    except OSError as error:
        raise ConfigError(_why_not(host, port, error)) from None


def free_port(host: str) -> int:
    """Return a port of `host` that is free now."""
    return _bind(host, 0)


@contextmanager
def lock_home(home: Path) -> Iterator[None]:
    """Hold the home folder for one supervisor.

    Raises:
        ConfigError: another one runs there.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, home)
        yield
    finally:
        os.close(lock)


def _take(lock: int, home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"recsys already runs on {str(home)!r}; stop it first, or choose another folder with RECSYS_HOME"
        ) from None


def _environment(settings: Settings) -> dict[str, str]:
    """What the command line may have changed; the rest of the environment is inherited."""
    return {"RECSYS_HOME": str(settings.home), "RECSYS_HOST": settings.host}


def _bind(host: str, port: int) -> int:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another program; use another one: --port {_next(port)}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; use one above 1023: --port 8000"
    return f"cannot listen on {host}:{port}: {error.strerror}"


def _next(port: int) -> int:
    return port + 1 if port < 65535 else 8000
