"""Two releases on the same questions: paired differences with intervals, changed lists, and what each costs.

Invariants: no release is asked about what it was fitted on: one whose data reach past the cut is stood in
for by its twin, fitted before its own test window or, where times are made up, without the very rows that are
asked about; differences are challenger minus champion, by shopper.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recsys.metrics import Difference, paired_difference
from recsys.release import Manifest, read_manifest
from training.changed import Example, Pair, pick_examples
from training.config import GateConfig, flatten
from training.cost import Cost, measure_costs
from training.errors import CannotCompareError
from training.evaluate import Lists, Scores, plain_interval, slices
from training.exam import Exam, Part
from training.lists import Candidate, Progress
from training.releases import Releases
from training.slices_compare import Rows, SliceChange, slice_changes
from training.split import day

__all__ = ["Comparison", "ExamAt", "Side", "common_exam", "compare", "stand_in"]

ExamAt = Callable[[int | None], Exam]
"""Sets the exam at a cut; None is the usual one."""


@dataclass(frozen=True)
class Side:
    """One of the two releases."""

    release_id: str
    scores: Mapping[Part, Scores]
    cost: Cost
    manifest: Manifest
    sat: Manifest
    """Of the folder that sat the exam: the release itself, or its twin."""

    def data(self) -> dict[str, object]:
        """What it was fitted on; times in ms."""
        known = self.manifest.data
        return {name: known.get(name) for name in ("first", "last", "until", "events", "hash")} | {
            "asked_until": self.sat.data.get("until")
        }

    def plain(self) -> dict[str, object]:
        """JSON form, without the figures."""
        return {
            "created_at": self.manifest.created_at,
            "code_version": self.manifest.code_version,
            "cost": asdict(self.cost),
            "data": self.data(),
        }


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    challenger: Side
    champion: Side
    exam: Exam
    rows: Mapping[Part, Mapping[str, Rows]]
    """Part → slice → bool[q] over the questions of the part."""
    overlaps: npt.NDArray[np.float64]
    """Share of items that the two lists of each question have in common, all items counted."""
    examples: tuple[Example, ...] = ()

    def difference(self, metric: str, part: Part) -> Difference:
        """Challenger minus champion, paired by shopper."""
        ours, theirs = self.challenger.scores[part], self.champion.scores[part]
        return paired_difference(
            ours.values(metric), theirs.values(metric), seed=ours.seed, samples=ours.resamples
        )

    def slice_changes(self, part: Part, gate: GateConfig) -> list[SliceChange]:
        """The gate's figure by slice of a part, worst first."""
        ours, theirs = self.challenger.scores[part], self.champion.scores[part]
        return slice_changes(ours, theirs, self.rows[part], gate.metric, gate)

    def metrics(self) -> list[str]:
        """Names of the figures, those of the longest lists first."""
        measured = self.challenger.scores["all"].per_query
        lengths = sorted(self.exam.config.k, reverse=True)
        return [metric for k in lengths for metric in measured if metric.endswith(f"@{k}")]

    def beyond(self, part: Part) -> list[tuple[str, float | None, float | None]]:
        """Figures of whole sets of lists (no intervals): name, challenger's, champion's; None where undefined."""
        ours, theirs = self.challenger.scores[part], self.champion.scores[part]
        mine, yours = {**ours.coverage, **ours.beyond}, {**theirs.coverage, **theirs.beyond}
        return [(name, _number(mine[name]), _number(yours[name])) for name in mine if name in yours]

    def coverage(self) -> tuple[float, float]:
        """The challenger's and the champion's catalogue coverage by the longest lists."""
        name = f"coverage@{self.exam.longest}"
        return self.challenger.scores["all"].coverage[name], self.champion.scores["all"].coverage[name]

    @property
    def overlap(self) -> float:
        """Mean share of common items; 1 where nobody was asked."""
        return float(self.overlaps.mean()) if len(self.overlaps) else 1.0

    def overlap_counts(self) -> list[int]:
        """Questions by overlap, in ten steps from 0-10 % to 90-100 %."""
        return np.histogram(self.overlaps, bins=10, range=(0.0, 1.0))[0].tolist()  # type: ignore[no-any-return]

    def changed_config(self) -> dict[str, tuple[object, object]]:
        """Dotted parameters that differ: challenger's and champion's value, None where one has no such."""
        ours, theirs = (flatten(side.manifest.config) for side in (self.challenger, self.champion))
        return {
            name: (ours.get(name), theirs.get(name))
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        }

    def plain(self, gate: GateConfig) -> dict[str, object]:
        """JSON form."""
        return {
            "challenger": self.challenger.release_id,
            "champion": self.champion.release_id,
            "exam": self.exam.plain(),
            "overlap": self.overlap,
            "overlap_counts": self.overlap_counts(),
            "figures": {part: self._figures(part) for part in self.exam.parts},
            "slice_metric": gate.metric,
            "slices": {
                part: [change.plain() for change in self.slice_changes(part, gate)]
                for part in self.exam.parts
            },
            "releases": {side.release_id: side.plain() for side in (self.challenger, self.champion)},
            "changed_config": {
                name: {"challenger": ours, "champion": theirs}
                for name, (ours, theirs) in self.changed_config().items()
            },
            "examples": [example.plain() for example in self.examples],
        }

    def _figures(self, part: Part) -> dict[str, object]:
        ours, theirs = self.challenger.scores[part], self.champion.scores[part]
        figures: dict[str, object] = {
            metric: {
                "challenger": plain_interval(ours.interval(metric)),
                "champion": plain_interval(theirs.interval(metric)),
                "difference": plain_interval(self.difference(metric, part)),
            }
            for metric in self.metrics()
        }
        return figures | {
            name: {"challenger": mine, "champion": yours} for name, mine, yours in self.beyond(part)
        }


def compare(
    challenger: str, champion: str, releases: Releases, exam_at: ExamAt, progress: Progress
) -> Comparison:
    """Ask both releases the same questions.

    Raises CannotCompareError when one of them knows everything that the log could ask about.
    """
    exam = common_exam((challenger, champion), releases, exam_at)
    folders = [releases.find(name) for name in (challenger, champion)]
    sat = [_sit(stand_in(folder.name, releases, exam), exam, progress) for folder in folders]
    pair = Pair(*((sitting.candidate, sitting.lists["all"]) for sitting in sat))
    costs = measure_costs(folders, exam)
    ours, theirs = (
        Side(folder.name, sitting.scores(folder.name), cost, read_manifest(folder), sitting.manifest)
        for folder, sitting, cost in zip(folders, sat, costs, strict=True)
    )
    metric = f"ndcg@{exam.longest}"
    figures = (ours.scores["all"].per_query[metric], theirs.scores["all"].per_query[metric])
    by_part = {part: slices(exam, part) for part in exam.parts}
    return Comparison(ours, theirs, exam, by_part, pair.overlaps(), tuple(pick_examples(pair, figures)))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def common_exam(release_ids: tuple[str, ...], releases: Releases, exam_at: ExamAt) -> Exam:
    """The usual exam, or a later one when a release and its twin both know more than its cut.

    Raises CannotCompareError when nothing in the log is late enough.
    """
    exam = exam_at(None)
    if exam.split.protocol == "leave_one_out":
        return exam
    least = max(min(until for _, until in _versions(name, releases)) for name in release_ids)
    if least <= exam.split.cut:
        return exam
    if least >= exam.split.end:
        raise CannotCompareError(
            f"the log ends on {day(exam.split.end)}, and {' or '.join(release_ids)} was fitted on all of it "
            "without an evaluation; train it again with one (recsys train), or wait for new events"
        )
    return exam_at(least)


def stand_in(release_id: str, releases: Releases, exam: Exam) -> Path:
    """The folder that may sit the exam for a release: itself if it knows no answer, else its twin.

    Raises CannotCompareError when neither may.
    """
    if exam.split.protocol == "leave_one_out":
        twin = releases.twins / release_id
        known = releases.knowledge(twin)
        # The log's hash says nothing of who may be learned from, and of which rows are asked about.
        if (known.get("hash"), known.get("held_out")) == (exam.data.hash, exam.split.held_out):
            return twin
        raise CannotCompareError(
            f"the log, or who allows learning from it, has changed since release {release_id!r} was fitted, and its "
            "times are made up, so nothing says what that release does not know; train again: recsys train"
        )
    fit = [(until, folder) for folder, until in _versions(release_id, releases) if until <= exam.split.cut]
    if not fit:
        raise CannotCompareError(
            f"release {release_id!r} was fitted on events after {day(exam.split.cut)}; "
            "train again: recsys train"
        )
    return max(fit)[1]


def _versions(release_id: str, releases: Releases) -> list[tuple[Path, int]]:
    """The release and its twin, each with the time (ms) before which its data end."""
    folders = (releases.find(release_id), releases.twins / release_id)
    return [
        (folder, until)
        for folder in folders
        if isinstance(until := releases.knowledge(folder).get("until"), int)
    ]


@dataclass(frozen=True)
class _Sitting:
    """A folder and what it answered."""

    candidate: Candidate
    lists: Lists
    manifest: Manifest

    def scores(self, system: str) -> dict[Part, Scores]:
        return {scores.part: scores for scores in self.candidate.scores(system, self.lists)}


def _sit(folder: Path, exam: Exam, progress: Progress) -> _Sitting:
    candidate = Candidate(folder, exam)
    return _Sitting(candidate, candidate.answer(progress), read_manifest(folder))
