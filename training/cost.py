"""What two releases cost where they serve: bytes on disk, and CPU time of a list on the same questions.

Invariants: the folders are those that would go live, not their twins; both are asked in turn, so whatever else
the machine does weighs on both alike and the ratio is fair even where the milliseconds are not.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from recsys.labels import spread
from recsys.release import read_manifest
from training.exam import Exam
from training.lists import Candidate

__all__ = ["Cost", "cpu_ms", "measure_costs"]

_QUESTIONS: Final = 200
_ROUNDS: Final = 3


@dataclass(frozen=True)
class Cost:
    """One release's."""

    size_bytes: int
    cpu_ms: float
    """CPU time of one list in one thread, ms; only its ratio to another's is comparable across machines."""


def measure_costs(folders: Sequence[Path], exam: Exam) -> list[Cost]:
    """Cost of each release folder on up to 200 questions, spread evenly over those of the exam."""
    candidates = [Candidate(folder, exam) for folder in folders]
    with threadpool_limits(1):
        times = cpu_ms(candidates)
    return [Cost(_size(folder), value) for folder, value in zip(folders, times, strict=True)]


def cpu_ms(candidates: Sequence[Candidate], clock: Callable[[], float] = time.thread_time) -> list[float]:
    """CPU time of a list by each candidate of one exam: the mean over questions of the quickest of three rounds.

    The quickest leaves out what cold caches and interruptions add. `clock` counts seconds.
    """
    count = len(candidates[0].exam.questions["all"])
    chosen = spread(np.arange(count), _QUESTIONS)
    rounds = [_round(candidates, chosen, number, clock) for number in range(_ROUNDS)]
    return [float(value) * 1000 for value in np.min(rounds, axis=0).mean(axis=1)]


def _round(
    candidates: Sequence[Candidate], rows: npt.NDArray[np.int64], number: int, clock: Callable[[], float]
) -> npt.NDArray[np.float64]:
    """Seconds by candidate and question; who is asked first alternates."""
    seconds = np.empty((len(candidates), len(rows)))
    for place, row in enumerate(rows.tolist()):
        order = range(len(candidates))
        for which in order if (place + number) % 2 else reversed(order):
            query = candidates[which].query("all", row)
            started = clock()
            candidates[which].pipeline.recommend(query)
            seconds[which, place] = clock() - started
    return seconds


def _size(folder: Path) -> int:
    """Bytes of a release's payload, as its manifest says."""
    return sum(entry.bytes for entry in read_manifest(folder).files.values())
