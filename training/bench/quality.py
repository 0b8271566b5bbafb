"""A quality bench: data set by data set, fit the release and the peers, put every question, compare.

Invariants: one model is in memory at a time; a data set's results are handed out as soon as they are there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from recsys.config import ReleaseConfig
from recsys.errors import InputError
from training.baselines import Known
from training.bench.cost import Cost, measured
from training.bench.data import FOLDERS, BenchData, load
from training.bench.fitting import fit, fitting_folder, keep
from training.bench.peers import PEERS, Lesson, NotForTheseShoppers
from training.bench.problems import (
    Course,
    Problem,
    complete_journey_course,
    few_shoppers,
    retailrocket_course,
)
from training.bench.published import diginetica_course, taobao_course
from training.bench.results import CourseResult, Kind, PartResult, ReleaseFacts, Row, scored
from training.bench.systems import RULE, STACK, Answered, ReleaseSystems, ask_peer
from training.evaluate import Codes
from training.exam import Part
from training.report import Steps

__all__ = ["DATASETS", "GROUPS", "Plan", "bench", "chosen_systems"]

DATASETS: Final = ("retailrocket", "complete-journey", "taobao", "diginetica")
SOURCES: Final = tuple(ReleaseConfig().retrieval.candidates)
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "sources": SOURCES,
    "peers": tuple(PEERS),
    "release": (*SOURCES, RULE, STACK),
}
"""Names that stand for several systems."""
_QUICK: Final = 300
"""Shoppers (and published prefixes) of a quick run."""
_STEP_OF: Final = {
    "taste": "taste",
    "sessions": "session neighbours",
    "linked": "linked items",
    "together": "met together",
    "alike": "item embeddings",
    "trending": "trending",
}
"""How the step of a fit begins that makes what a source reads."""


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    datasets: Path
    names: Sequence[str] = DATASETS
    systems: frozenset[str] = frozenset({*GROUPS["release"], *GROUPS["peers"]})
    quick: bool = False
    release_out: Path | None = None
    """Sealed releases go below it, each under its id."""


def chosen_systems(words: Sequence[str]) -> frozenset[str]:
    """Names of systems from words: a system's name, with `-` for blanks, or one of `GROUPS`; all for none.

    Raises InputError for an unknown one.
    """
    known = {name.lower().replace(" ", "-").replace(",", ""): name for name in (*GROUPS["release"], *PEERS)}
    found: set[str] = set()
    for word in words or ("release", "peers"):
        if word not in GROUPS and word not in known:
            raise InputError(f"system {word!r} is unknown; choose from {', '.join((*GROUPS, *known))}")
        found |= set(GROUPS.get(word, (known.get(word, ""),)))
    return frozenset(found)


def bench(plan: Plan, steps: Steps) -> Iterator[CourseResult]:
    """Results of each data set as soon as they are there."""
    for name in plan.names:
        with steps.step(f"{name}: read and cut"):
            course = _course(name, plan)
        yield _run(course, plan, steps)


def _course(name: str, plan: Plan) -> Course:
    if name not in FOLDERS:
        raise InputError(f"data set {name!r} is unknown; choose from {', '.join(DATASETS)}")
    data = load(name, plan.datasets)
    if plan.quick:
        data = few_shoppers(data, _QUICK)
    courses: dict[str, Callable[[BenchData], Course]] = {
        "retailrocket": retailrocket_course,
        "complete-journey": complete_journey_course,
        "taobao": lambda found: taobao_course(found, plan.datasets),
        "diginetica": lambda found: diginetica_course(found, plan.datasets, _QUICK if plan.quick else None),
    }
    return courses[name](data)


def _run(course: Course, plan: Plan, steps: Steps) -> CourseResult:
    rows = Rows(course)
    release = _ask_release(course, plan, steps, rows) if plan.systems & set(GROUPS["release"]) else None
    notes = [
        note
        for name in PEERS
        if name in plan.systems
        for problems in _by_protocol(course)
        for note in _ask_peer(course, problems, name, steps, rows)
    ]
    return CourseResult(course.name, course.data, rows.parts(), release, notes)


class Rows:
    """Rows of every part of a course, in the order they were measured."""

    def __init__(self, course: Course) -> None:
        self._rows: list[tuple[Problem, Part, list[Row]]] = [
            (problem, part, []) for problem in course.problems for part in problem.exam.parts
        ]

    def add(self, problem: Problem, system: "System", answers: Mapping[Part, Answered]) -> None:
        """Score one system's lists."""
        found = scored(system.name, answers, problem)
        for held, part, rows in self._rows:
            if held is problem:
                rows.append(Row(system.name, system.kind, found[part], answers[part].query_us, system.fit))

    def parts(self) -> list[PartResult]:
        """What was measured."""
        return [PartResult(problem, part, rows) for problem, part, rows in self._rows]


@dataclass(frozen=True)
class System:
    """Who was asked."""

    name: str
    kind: Kind
    fit: Cost | None


def _ask_release(course: Course, plan: Plan, steps: Steps, rows: Rows) -> ReleaseFacts:
    with fitting_folder(plan.release_out) as folder:
        facts = fit(course, folder, steps)
        release = ReleaseSystems(folder, plan.systems)
        for problem in course.problems:
            with steps.step(f"{course.name}: ask the release ({problem.exam.protocol})"):
                found = {part: release.answer(problem, part, steps) for part in problem.exam.parts}
            for name in release.systems:
                answers = {part: answered[name] for part, answered in found.items()}
                rows.add(problem, _system(name, facts), answers)
        if plan.release_out is not None:
            keep(folder, plan.release_out / facts.release_id)
    return facts


def _system(name: str, facts: ReleaseFacts) -> System:
    if name == STACK:
        return System(name, "stack", facts.fit)
    if name == RULE:
        return System(name, "rule", None)
    own = (step for step in facts.steps if name in _STEP_OF and step.name.startswith(_STEP_OF[name]))
    return System(name, "source", next(own, None))


def _ask_peer(course: Course, problems: Sequence[Problem], name: str, steps: Steps, rows: Rows) -> list[str]:
    """Rows of one peer on problems of one protocol; what a reader should know of it."""
    exam = problems[0].exam
    known = Known(course.train, exam.history_log, course.real_times)
    strangers = not np.isin(_askers(problems), course.train.user).any()
    with steps.step(f"{course.name}: {name} ({exam.protocol})"):
        try:
            with measured(name) as cost:
                peer = PEERS[name](Lesson(known, exam.protocol, strangers))
        except NotForTheseShoppers as refusal:
            return [str(refusal)]
        for problem in problems:
            answers = {part: ask_peer(peer, problem, part) for part in problem.exam.parts}
            rows.add(problem, System(name, "peer", cost), answers)
    return [f"{exam.protocol}: {note}" for note in [getattr(peer, "note", "")] if note]


def _by_protocol(course: Course) -> list[list[Problem]]:
    """Problems whose histories lie in one log and are asked about alike: a peer is fitted once for them."""
    protocols = dict.fromkeys(problem.exam.protocol for problem in course.problems)
    return [[found for found in course.problems if found.exam.protocol == name] for name in protocols]


def _askers(problems: Sequence[Problem]) -> Codes:
    return np.concatenate([asked.users for problem in problems for asked in problem.exam.questions.values()])
