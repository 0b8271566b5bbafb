"""Two releases on the same questions: paired differences with intervals, and how much their lists overlap.

Invariants: no release is asked about what it was fitted on: one whose data reach past the cut is stood in
for by its twin, fitted before its own test window; differences are challenger minus champion, by shopper.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.metrics import Interval, paired_difference
from training.errors import CannotCompareError
from training.evaluate import METRICS, Codes, Lists, Scores, plain_interval
from training.exam import PARTS, Exam, Part
from training.lists import Candidate, Progress
from training.releases import Releases
from training.split import day

__all__ = ["Comparison", "ExamAt", "common_exam", "compare", "overlap", "stand_in"]

ExamAt = Callable[[int | None], Exam]
"""Sets the exam at a cut; None is the usual one."""


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; scores by part."""

    challenger: str
    champion: str
    exam: Exam
    challenger_scores: Mapping[Part, Scores]
    champion_scores: Mapping[Part, Scores]
    overlap: float
    """Mean share of items that two lists for one shopper have in common."""

    def difference(self, metric: str, part: Part) -> Interval:
        """Challenger minus champion, paired by shopper."""
        ours, theirs = self.challenger_scores[part], self.champion_scores[part]
        return paired_difference(
            ours.per_shopper[metric], theirs.per_shopper[metric], seed=ours.seed, samples=ours.resamples
        )

    def metrics(self) -> list[str]:
        """Names of the figures, those of the longest lists first."""
        return [f"{name}@{k}" for k in sorted(self.exam.config.k, reverse=True) for name in METRICS]

    def plain(self) -> dict[str, object]:
        """JSON form."""
        return {
            "challenger": self.challenger,
            "champion": self.champion,
            "exam": self.exam.plain(),
            "overlap": self.overlap,
            "figures": {part: self._figures(part) for part in PARTS},
        }

    def _figures(self, part: Part) -> dict[str, object]:
        return {
            metric: {
                "challenger": plain_interval(self.challenger_scores[part].interval(metric)),
                "champion": plain_interval(self.champion_scores[part].interval(metric)),
                "difference": plain_interval(self.difference(metric, part)),
            }
            for metric in self.metrics()
        }


def compare(
    challenger: str, champion: str, releases: Releases, exam_at: ExamAt, progress: Progress
) -> Comparison:
    """Ask both releases the same questions.

    Raises CannotCompareError when one of them knows everything that the log could ask about.
    """
    exam = common_exam((challenger, champion), releases, exam_at)
    ours, our_scores = _sit(challenger, releases, exam, progress)
    theirs, their_scores = _sit(champion, releases, exam, progress)
    return Comparison(
        challenger, champion, exam, our_scores, their_scores, overlap(ours["all"], theirs["all"])
    )


def common_exam(release_ids: tuple[str, ...], releases: Releases, exam_at: ExamAt) -> Exam:
    """The usual exam, or a later one when a release and its twin both know more than its cut.

    Raises CannotCompareError when nothing in the log is late enough.
    """
    exam = exam_at(None)
    if exam.split.protocol == "leave_last_out":
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
    if exam.split.protocol == "leave_last_out":
        twin = releases.twins / release_id
        if releases.knowledge(twin).get("hash") == exam.data.hash:
            return twin
        raise CannotCompareError(
            f"the log has changed since release {release_id!r} was fitted, and its times are made up, so "
            "nothing says what is new in it; train again: recsys train"
        )
    fit = [(until, folder) for folder, until in _versions(release_id, releases) if until <= exam.split.cut]
    if not fit:
        raise CannotCompareError(
            f"release {release_id!r} was fitted on events after {day(exam.split.cut)}; "
            "train again: recsys train"
        )
    return max(fit)[1]


def overlap(ours: Codes, theirs: Codes) -> float:
    """Mean over rows of the share of common items; padding is no item, and two empty lists agree."""
    shares = []
    for one, other in zip(ours, theirs, strict=True):
        mine, yours = set(one[one >= 0].tolist()), set(other[other >= 0].tolist())
        shares.append(len(mine & yours) / max(len(mine), len(yours), 1) if mine or yours else 1.0)
    return float(np.mean(shares)) if shares else 1.0


def _versions(release_id: str, releases: Releases) -> list[tuple[Path, int]]:
    """The release and its twin, each with the time (ms) before which its data end."""
    folders = (releases.find(release_id), releases.twins / release_id)
    return [
        (folder, until)
        for folder in folders
        if isinstance(until := releases.knowledge(folder).get("until"), int)
    ]


def _sit(
    release_id: str, releases: Releases, exam: Exam, progress: Progress
) -> tuple[Lists, dict[Part, Scores]]:
    candidate = Candidate(stand_in(release_id, releases, exam), exam)
    lists = candidate.answer(progress)
    return lists, {scores.part: scores for scores in candidate.scores(release_id, lists)}
