"""The systems of one release, each alone: every source by itself, the rule without a ranker, the whole stack.

Invariants: a question is put to all of them in the same words; time is CPU time of one thread, of a source alone that
of reading the shopper and of its own list.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.retrieval.source import Source
from training.baselines import Baseline
from training.bench.problems import Problem
from training.evaluate import Codes
from training.exam import Part
from training.lists import Candidate, Progress
from training.protocol import Questions

__all__ = ["RULE", "STACK", "Answered", "ReleaseSystems", "ask_peer"]

RULE: Final = "own-first rule"
STACK: Final = "stack"
_WIDEST: Final = 1_000


@dataclass(frozen=True)
class Answered:
    """What a system said to the questions of one part."""

    lists: Codes
    """int32[q, k], padded with -1."""
    query_us: float
    """Mean time of a list, µs."""


class ReleaseSystems:
    """Reads a release once; `wanted` are names of its sources, `RULE` and `STACK`."""

    def __init__(self, folder: Path, wanted: Iterable[str]) -> None:
        self.folder = folder
        self.pipeline = Pipeline.load(folder)
        rule = replace(self.pipeline, ranker=None)
        known: dict[str, Callable[[Query], npt.NDArray[np.integer]]] = {
            **{source.name: self._alone(source) for source in self.pipeline.sources},
            RULE: lambda query: rule.recommend(query).items,
            STACK: lambda query: self.pipeline.recommend(query).items,
        }
        names = set(wanted)
        self.systems = {name: answer for name, answer in known.items() if name in names}

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the single sources among the systems."""
        return tuple(name for name in self.systems if name not in (RULE, STACK))

    def answer(self, problem: Problem, part: Part, progress: Progress) -> Mapping[str, Answered]:
        """Lists of every system for one part."""
        questions, k = problem.exam.questions[part], problem.exam.longest
        lists = {name: np.full((len(questions), k), -1, np.int32) for name in self.systems}
        seconds = dict.fromkeys(self.systems, 0.0)
        candidate = Candidate(self.folder, problem.exam)
        with threadpool_limits(1):
            for row in range(len(questions)):
                query = candidate.query(part, row)
                for name, answer in self.systems.items():
                    started = time.thread_time()
                    items = answer(query)
                    seconds[name] += time.thread_time() - started
                    lists[name][row, : len(items)] = items
                progress(f"{problem.titles[part]}: {len(questions):,} questions", row, len(questions))
        share = 1e6 / max(1, len(questions))
        return {name: Answered(lists[name], seconds[name] * share) for name in self.systems}

    def _alone(self, source: Source) -> Callable[[Query], npt.NDArray[np.integer]]:
        """One source's own list; shorter than asked for where it has no more to say."""

        def answer(query: Query) -> npt.NDArray[np.integer]:
            allowed = self.pipeline.catalogue.eligible(query.as_of).copy()
            allowed[query.exclude] = False
            return source.read(self.pipeline.reader.read(query)).top(query.num, allowed)

        return answer


def ask_peer(peer: Baseline, problem: Problem, part: Part) -> Answered:
    """A peer's lists for one part; what must not be in them is left out."""
    questions, k = problem.exam.questions[part], problem.exam.longest
    started = time.perf_counter()
    if part in problem.histories:
        lists = _without(peer, problem.histories[part], questions, k)
    else:
        lists = peer.lists(questions, k, exclude_seen=part == "new")
    return Answered(lists, (time.perf_counter() - started) * 1e6 / max(1, len(questions)))


def _without(peer: Baseline, asked: Questions, excluded: Questions, k: int) -> Codes:
    """Longer lists, cut to the first k that are not in `excluded.seen`: less is excluded than was seen."""
    most = int(np.diff(excluded.seen.indptr).max(initial=0))
    longer = peer.lists(asked, min(k + most, asked.truth.shape[1], _WIDEST), exclude_seen=False)
    lists = np.full((len(asked), k), -1, np.int32)
    for row, codes in enumerate(longer):
        gone = excluded.seen.indices[excluded.seen.indptr[row] : excluded.seen.indptr[row + 1]]
        kept = codes[(codes >= 0) & ~np.isin(codes, gone)][:k]
        lists[row, : len(kept)] = kept
    return lists
