"""The running product as the demo uses it: its verbs as processes, and `recsys up` until the story ends."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from serving.runtime.announcer import local_url, trouble_at
from serving.runtime.processes import Child, Command
from serving.settings import Settings

__all__ = ["Service", "VerbError", "verb", "verb_output"]

_READY_S: Final = 120.0
_POLL_S: Final = 0.3
_STOP_S: Final = 30.0
_LAST_LINES: Final = 5


class VerbError(Exception):
    """A command of the product, or the service, ended when it should not have."""


def verb(settings: Settings, *arguments: str) -> None:
    """Run `recsys …` on this home folder; its output is the reader's. Raises VerbError when it fails."""
    _finish(arguments, subprocess.run(_command(arguments), env=_environment(settings), check=False))


def verb_output(settings: Settings, *arguments: str) -> str:
    """Run `recsys …` and return what it prints. Raises VerbError when it fails."""
    done = subprocess.run(
        _command(arguments), env=_environment(settings), check=False, capture_output=True, text=True
    )
    _finish(arguments, done)
    return done.stdout.strip()


class Service:
    """`recsys up` on a port, its output in a file."""

    def __init__(self, settings: Settings, port: int, say: Callable[[str], None]) -> None:
        self.host, self.port = "127.0.0.1", port
        self.url = local_url(settings.host, port)
        self.log = settings.home / "logs" / "up.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**_environment(settings), "PYTHONUNBUFFERED": "1"}
        command = Command(
            name="recsys up",
            arguments=_command(("up", "--port", str(port))),
            environment=environment,
            log=self.log,
        )
        self._child = Child(command, say)

    def __enter__(self) -> Self:
        self._child.tend()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop(_STOP_S)

    @property
    def runs(self) -> bool:
        """Whether its process is alive."""
        return self._child.pid is not None

    def wait_until_ready(self) -> None:
        """Return when a release is loaded and warm. Raises VerbError when it ended, or took minutes."""
        deadline = time.monotonic() + _READY_S
        while trouble := trouble_at(f"{self.url}/readyz"):
            if not self.runs:
                raise VerbError(f"the service ended; the last lines of {self.log}:\n{_last_lines(self.log)}")
            if time.monotonic() > deadline:
                raise VerbError(f"the service was not ready after {_READY_S:g} s: {trouble}; see {self.log}")
            time.sleep(_POLL_S)


def _command(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return (sys.executable, "-c", "from recsys.cli import main; main()", *arguments)


def _environment(settings: Settings) -> Mapping[str, str]:
    return {**os.environ, "RECSYS_HOME": str(settings.home)}


def _finish(
    arguments: tuple[str, ...], done: "subprocess.CompletedProcess[str] | subprocess.CompletedProcess[bytes]"
) -> None:
    if done.returncode != 0:
        said = f": {done.stderr.strip()}" if isinstance(done.stderr, str) else ""
        raise VerbError(f"`recsys {' '.join(arguments)}` ended with code {done.returncode}{said}")


def _last_lines(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-_LAST_LINES:])
