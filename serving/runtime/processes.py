"""One child process that is kept running: started again with growing pauses when it dies, stopped cleanly.

Invariants: a child never outlives this process (on Linux the kernel sends it SIGTERM when the parent is gone,
however it went); a terminal's Ctrl-C reaches the parent only, which stops its children in its own order.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

__all__ = ["Child", "Command", "Forked", "Process", "Startable"]

_PR_SET_PDEATHSIG: Final = 1
_LINUX: Final = sys.platform.startswith("linux")
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0
# A child that ran this long was well: its next death starts with the shortest pause again.
_WELL_AFTER_S: Final = 10.0


class Process(Protocol):
    """A process that was started, with the methods of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Exit code, less than 0 for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Exit code, after it has ended; subprocess.TimeoutExpired before that."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""


class Startable(Protocol):
    """What a child can be made of, any number of times."""

    @property
    def name(self) -> str:
        """What people call it."""

    def start(self) -> Process:
        """Start it once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program. Its output goes to `log` (appended), or to this process's own when that is None."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None

    def start(self) -> Process:
        """Run the program."""
        output = self.log.open("ab") if self.log is not None else None
        try:
            return subprocess.Popen(
                self.arguments,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                # libc is loaded before the fork, so that nothing is imported between fork and exec.
                preexec_fn=_die_with_parent if _LINUX else None,  # noqa: PLW1509
            )
        finally:
            if output is not None:
                output.close()


@dataclass(frozen=True, slots=True)
class Forked:
    """A copy of this process that calls `run` and ends: what was imported here is shared, page by page.

    Whoever forks has no threads and no connections yet.
    """

    name: str
    run: Callable[[], None]

    def start(self) -> Process:
        """Fork."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return _ForkedProcess(pid)
        code = 1
        try:
            os.setpgid(0, 0)
            if _LINUX:
                _die_with_parent()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            self.run()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: what the parent wants done at its end is not the child's to do.
            os._exit(code)


class _ForkedProcess:
    """A forked child as `Process`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("fork", timeout or 0.0)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Child:
    """A process of `command`, kept running by frequent calls of `tend`. `say` takes lines for people."""

    def __init__(
        self,
        command: Startable,
        say: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.command = command
        self._say = say
        self._monotonic = monotonic
        self._process: Process | None = None
        self._started_at = 0.0
        self._start_at = float("-inf")
        self._pause_s = _FIRST_PAUSE_S

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def tend(self) -> None:
        """Start the process if it does not run and its pause is over."""
        if self._process is not None and self._process.poll() is not None:
            self._note_end(self._process.wait())
            self._process = None
        if self._process is None and self._monotonic() >= self._start_at:
            self._process = self.command.start()
            self._started_at = self._monotonic()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        if self._process is not None:
            self._process.kill()

    def stop(self, patience_s: float) -> None:
        """Ask the process to stop and wait; kill it when the patience is over."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._say(f"{self.command.name} does not stop, killing it")
            self._process.kill()
            self._process.wait()
        self._process = None

    def _note_end(self, code: int) -> None:
        now = self._monotonic()
        if now - self._started_at >= _WELL_AFTER_S:
            self._pause_s = _FIRST_PAUSE_S
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        self._say(f"{self.command.name} {how}; starting it again in {self._pause_s:g} s")
        self._start_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


_LIBC: Final = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
