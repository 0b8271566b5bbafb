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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Child", "Command"]

_PR_SET_PDEATHSIG: Final = 1
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0
# A child that ran this long was well: its next death starts with the shortest pause again.
_WELL_AFTER_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a child runs. Its output goes to `log` (appended), or to this process's own when that is None."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None


class Child:
    """A process of `command`, kept running by frequent calls of `tend`. `say` takes lines for people."""

    def __init__(
        self,
        command: Command,
        say: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.command = command
        self._say = say
        self._monotonic = monotonic
        self._process: subprocess.Popen[bytes] | None = None
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
            self._note_end(self._process.returncode)
            self._process = None
        if self._process is None and self._monotonic() >= self._start_at:
            self._process = self._start()
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

    def _start(self) -> "subprocess.Popen[bytes]":
        output = self.command.log.open("ab") if self.command.log is not None else None
        try:
            return subprocess.Popen(
                self.command.arguments,
                env={**os.environ, **self.command.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                # libc is loaded before the fork, so that nothing is imported between fork and exec.
                preexec_fn=_die_with_parent if sys.platform.startswith("linux") else None,  # noqa: PLW1509
            )
        finally:
            if output is not None:
                output.close()


_LIBC: Final = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
