"""What a bench run found, system by system, and the stack beside the best of the others, pair by pair.

Invariants: figures are means over shoppers with 95 % bootstrap intervals; two systems are compared on the same
shoppers; whatever was not measured is absent, never zero.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from feature_store.offline import DataRange
from recsys.metrics import Difference, paired_difference
from recsys.types import EVENT_CODES
from training.bench.cost import Cost
from training.bench.peers import ALS_DEFAULTS
from training.bench.problems import Problem
from training.bench.systems import STACK, Answered
from training.evaluate import Scores, measure, plain_interval
from training.exam import Part

__all__ = ["BEST_SOURCE", "CourseResult", "Kind", "PartResult", "ReleaseFacts", "Row", "Versus", "scored"]

Kind = Literal["stack", "rule", "source", "peer"]
BEST_SOURCE = "best single source"
_COMPARED = 10_000
"""Resamples behind a paired difference."""


@dataclass(frozen=True)
class Row:
    """One system on one part."""

    system: str
    kind: Kind
    scores: Scores
    query_us: float
    fit: Cost | None
    """None: nothing is fitted, or what it reads is fitted with others."""


@dataclass(frozen=True)
class Versus:
    """The stack less another system."""

    other: str
    role: str
    """Why this one: `BEST_SOURCE` or the name of a peer."""
    difference: Difference
    relative: float
    """Difference over the other's mean; NaN where that is 0."""

    def plain(self) -> dict[str, object]:
        """JSON form."""
        found = self.difference
        numbers = {"p_value": found.p_value, "relative": self.relative}
        return {
            "other": self.other,
            **plain_interval(found),
            **{name: None if math.isnan(value) else value for name, value in numbers.items()},
            "shoppers": found.count,
        }


@dataclass(frozen=True)
class PartResult:
    """All systems on one part of one problem."""

    problem: Problem
    part: Part
    rows: Sequence[Row]

    @property
    def title(self) -> str:
        """The part's name in reports."""
        return self.problem.titles[self.part]

    @property
    def metric(self) -> str:
        """What systems are compared by."""
        return self.problem.metrics[0]

    def versus(self) -> list[Versus]:
        """The stack beside its best single source and beside ALS with defaults, where they were measured."""
        by_name = {row.system: row for row in self.rows}
        if STACK not in by_name:
            return []
        found = [(BEST_SOURCE, best)] if (best := self._best_source()) is not None else []
        found += [(name, by_name[name]) for name in (ALS_DEFAULTS,) if name in by_name]
        return [self._versus(by_name[STACK], role, other) for role, other in found]

    def plain(self) -> dict[str, object]:
        """JSON form."""
        exam, questions = self.problem.exam, self.problem.exam.questions[self.part]
        return {
            "protocol": exam.protocol,
            "cut": exam.split.cut,
            "end": exam.split.end,
            "behaviours": [kind.value for kind in questions.behaviours],
            "metric": self.metric,
            "questions": len(questions),
            "shoppers": questions.shoppers,
            "systems": {row.system: self._plain_row(row) for row in self.rows},
            "versus": {versus.role: versus.plain() for versus in self.versus()},
        }

    def _best_source(self) -> Row | None:
        sources = [row for row in self.rows if row.kind == "source"]
        return max(sources, key=lambda row: row.scores.interval(self.metric).mean, default=None)

    def _versus(self, stack: Row, role: str, other: Row) -> Versus:
        values = [row.scores.values(self.metric) for row in (stack, other)]
        difference = paired_difference(*values, seed=stack.scores.seed, samples=_COMPARED)
        mean = other.scores.interval(self.metric).mean
        return Versus(other.system, role, difference, difference.mean / mean if mean else math.nan)

    def _plain_row(self, row: Row) -> dict[str, object]:
        fit = {} if row.fit is None else row.fit.plain()
        return {
            "kind": row.kind,
            "fit_seconds": fit.get("seconds"),
            "fit_memory_bytes": fit.get("memory_bytes"),
            "query_us": row.query_us,
            "metrics": row.scores.plain(),
            "by_behaviour": dict(self._by_behaviour(row)),
        }

    def _by_behaviour(self, row: Row) -> Iterator[tuple[str, dict[str, object]]]:
        questions = self.problem.exam.questions[self.part]
        for kind in questions.behaviours:
            asked = questions.behaviour == EVENT_CODES[kind]
            figures = {
                metric: plain_interval(row.scores.interval(metric, asked)) for metric in self.problem.metrics
            }
            yield kind.value, {"shoppers": len(np.unique(questions.users[asked])), **figures}


@dataclass(frozen=True)
class ReleaseFacts:
    """The release whose systems were asked."""

    release_id: str
    choices: tuple[str, ...]
    """What the fit chose from the data."""
    fit: Cost
    steps: Sequence[Cost]

    def plain(self) -> dict[str, object]:
        """JSON form."""
        return {
            "release_id": self.release_id,
            "choices": list(self.choices),
            "fit_seconds": self.fit.seconds,
            "fit_memory_bytes": self.fit.memory_bytes,
            "steps": [step.plain() for step in self.steps],
        }


@dataclass(frozen=True)
class CourseResult:
    """One data set."""

    name: str
    data: DataRange
    """Of what was learned from."""
    parts: Sequence[PartResult]
    release: ReleaseFacts | None
    """None: only peers were asked."""
    notes: Sequence[str] = field(default_factory=tuple)

    def plain(self) -> dict[str, object]:
        """JSON form."""
        return {
            "data": {"first": self.data.first, "last": self.data.last, "events": self.data.events}
            | {"hash": self.data.hash},
            "release": None if self.release is None else self.release.plain(),
            "release_id": None if self.release is None else self.release.release_id,
            "parts": {part.title: part.plain() for part in self.parts},
            "notes": list(self.notes),
        }


def scored(system: str, answered: Mapping[Part, Answered], problem: Problem) -> Mapping[Part, Scores]:
    """Figures of one system's lists on the parts it answered."""
    questions = {part: problem.exam.questions[part] for part in answered}
    exam = replace(problem.exam, questions=questions)
    everything = np.ones(len(exam.log.items), np.bool_)
    lists = {part: found.lists for part, found in answered.items()}
    return {scores.part: scores for scores in measure(system, lists, exam, everything)}
