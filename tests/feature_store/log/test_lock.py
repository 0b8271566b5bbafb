import subprocess
import sys
import threading
from pathlib import Path

import pytest

from feature_store.errors import BusyError
from feature_store.log.lock import writer_lock

HOLD = """
import sys
from pathlib import Path
from feature_store.log.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_gives_up_with_the_folders_name(tmp_path: Path) -> None:
    with writer_lock(tmp_path), pytest.raises(BusyError, match="another process"), writer_lock(tmp_path, 0.0):
        pass


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []
    started = threading.Event()

    def second() -> None:
        started.set()
        with writer_lock(tmp_path):
            order.append("second")

    with writer_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        started.wait()
        order.append("first")
    thread.join(timeout=30)
    assert order == ["first", "second"]


def test_a_killed_writer_releases_the_lock(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError), writer_lock(tmp_path, 0.0):
            pass
        holder.kill()
        holder.wait()
    with writer_lock(tmp_path, 0.0):
        pass
