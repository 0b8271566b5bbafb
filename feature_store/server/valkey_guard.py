"""Keeps the embedded server alive exactly as long as somebody uses it: a script, standard library only.

    python -I -S valkey_guard.py FOLDER COMMAND [ARGUMENT…]

Every user of the server holds a shared lock on FOLDER/users.lock; the kernel drops it when that process ends,
however it ends. The guard waits for the exclusive lock, which it gets when no user is left, then stops the
server. FOLDER/server.lock is held by the guard and inherited by the server: never two servers on one folder,
even if the guard is killed. On Linux the server dies with its guard; the end of the starter stops nothing.
Exit codes of the starting process: 0 the server answers, 3 another one owns the folder, 4 it did not start.
"""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["FAILED", "OK", "TAKEN", "answers", "main"]

OK, TAKEN, FAILED = 0, 3, 4
_PR_SET_PDEATHSIG = 1
_START_SECONDS = 10.0


def answers(path: Path, timeout_s: float = 1.0) -> str:
    """`+PONG`, `-LOADING…` while the server reads its data, "" when nobody answers at the socket `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(200).decode(errors="replace")
        except OSError:
            return ""


def _die_with_parent() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_up(server: "subprocess.Popen[bytes]", path: Path) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if answers(path):
            return True
        time.sleep(0.005)
    return False


def _guard(folder: Path, command: list[str], status: int) -> None:
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(status, bytes([TAKEN]))
        return
    (folder / "valkey.sock").unlink(missing_ok=True)
    with (folder / "valkey.log").open("ab") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            # one thread only here, so a function between fork and exec is safe
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )
    try:
        os.write(status, bytes([OK if _wait_until_up(server, folder / "valkey.sock") else FAILED]))
        os.close(status)
        _wait_for_the_last_user(folder, server)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        server.terminate()
        server.wait()


def _wait_for_the_last_user(folder: Path, server: "subprocess.Popen[bytes]") -> None:
    def leave_if_it_ended(*_: object) -> None:
        if server.poll() is not None:  # the signal also comes when it is only paused
            sys.exit(0)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGCHLD, leave_if_it_ended)
    leave_if_it_ended()
    users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Kept until this process ends: whoever comes now waits, and then starts the next server.
    fcntl.flock(users, fcntl.LOCK_EX)


def _be_silent() -> None:
    # The starter reads our output to its end: let go of it.
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def main(folder: Path, command: list[str]) -> int:
    """Fork a guard into a session of its own; return when its server answers."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        os.setsid()
        _be_silent()
        try:
            _guard(folder, command, writer)
        finally:
            os._exit(0)
    os.close(writer)
    said = os.read(reader, 1)
    return said[0] if said else FAILED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
