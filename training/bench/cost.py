"""What fitting costs: wall seconds, and by how much the process's memory peaked above where it stood.

Invariant: on Linux the kernel's peak mark is set back before each measurement, so that a small model after a big one
is not counted as free; elsewhere the growth is that of the whole process's peak.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.report import peak_memory_bytes

__all__ = ["Cost", "measured", "resident_bytes"]

_SELF: Final = Path("/proc/self")


@dataclass
class Cost:
    """Filled in when what it measures is over."""

    name: str = ""
    seconds: float = 0.0
    memory_bytes: int = 0
    """Growth of the resident set from the start to its peak."""
    peak_bytes: int = 0
    """That peak itself."""

    def plain(self) -> dict[str, object]:
        """JSON form."""
        return {"name": self.name, "seconds": self.seconds, "memory_bytes": self.memory_bytes}


@contextmanager
def measured(name: str = "") -> Iterator[Cost]:
    """Measure what happens inside; the peak of an outer measurement ends where an inner one begins."""
    cost, before = Cost(name), _stand()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - started
        cost.peak_bytes = _peak()
        cost.memory_bytes = max(0, cost.peak_bytes - before)


def resident_bytes() -> int:
    """Bytes resident now; the process's peak where the system does not tell."""
    return _status("VmRSS") if (_SELF / "status").exists() else peak_memory_bytes()


def _stand() -> int:
    """Bytes resident now, the peak mark set back to it where the system can."""
    try:
        (_SELF / "clear_refs").write_text("5", "ascii")
    except OSError:
        return peak_memory_bytes()
    return resident_bytes()


def _peak() -> int:
    return _status("VmHWM") if (_SELF / "clear_refs").exists() else peak_memory_bytes()


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", (_SELF / "status").read_text("ascii"), re.MULTILINE)
    return 1024 * int(found[1]) if found else peak_memory_bytes()
