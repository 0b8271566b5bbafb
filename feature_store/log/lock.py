"""One writer at a time: an advisory lock on a file in the folder; the kernel drops it if its holder dies."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_store.errors import BusyError

__all__ = ["writer_lock"]


@contextmanager
def writer_lock(folder: Path, patience_s: float = 60.0) -> Iterator[None]:
    """Hold the writer's lock of `folder`; BusyError when another keeps it longer than `patience_s`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        _acquire(handle.fileno(), folder, time.monotonic() + patience_s)
        yield


def _acquire(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BusyError(
                    f"{str(folder)!r} is being written by another process; try again later"
                ) from None
            time.sleep(0.02)
        else:
            return
