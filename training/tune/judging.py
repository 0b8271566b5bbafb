"""What a configuration is worth on the validation window, cheap questions first.

The figure is a weighted mean of NDCG at the deciding length: frozen and live questions, all items and new ones, each
averaged by shopper first. Before it: the reach, the share of the answers that is among the candidates at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.fitting import fit_sources
from recsys.labels import spread
from recsys.metrics import Truth, ndcg, per_user_mean
from recsys.train import fit_release
from training.config import TrainingConfig
from training.evaluate import Lists
from training.exam import Exam, Part
from training.lists import Candidate, Progress
from training.tune.shelf import PartShelf
from training.tune.window import STAGES, Window

__all__ = ["REACH", "Figures", "Judge", "Report"]

REACH: Final = 0
"""Step of the reach; the shoppers' stages follow."""
_REACH_QUESTIONS: Final = 200

Report = Callable[[int, float], None]
"""(step, value so far); raises to give up."""
Values = npt.NDArray[np.float64]


@dataclass
class Figures:
    """NDCG by question, gathered stage by stage."""

    new_weight: float
    values: dict[tuple[str, Part], list[Values]] = field(default_factory=dict)
    users: dict[tuple[str, Part], list[npt.NDArray[np.int32]]] = field(default_factory=dict)

    def add(self, exam: Exam, lists: Lists) -> None:
        """Measure lists for the questions of an exam."""
        for part, asked in exam.questions.items():
            answers = Truth(asked.truth.indptr.astype(np.int64), asked.truth.indices.astype(np.int32))
            found = ndcg(lists[part], answers, exam.longest)
            self.values.setdefault((exam.protocol, part), []).append(found)
            self.users.setdefault((exam.protocol, part), []).append(asked.users)

    def parts(self) -> dict[str, float]:
        """`<protocol>` and `<protocol>.new` → mean over shoppers; parts that nobody was asked are not in it."""
        found = {}
        for (protocol, part), values in self.values.items():
            users = np.concatenate(self.users[protocol, part])
            means = per_user_mean(np.concatenate(values), users)[1]
            if len(means):
                found[protocol if part == "all" else f"{protocol}.{part}"] = float(means.mean())
        return found

    def value(self) -> float:
        """The weighted mean of the parts."""
        parts = self.parts()
        weights = [self.new_weight if name.endswith(".new") else 1.0 for name in parts]
        return float(np.average(list(parts.values()), weights=weights))


@dataclass(frozen=True)
class Judge:
    """One window, one shelf; folders are the caller's and gone afterwards."""

    window: Window
    shelf: PartShelf
    progress: Progress

    def judge(self, config: TrainingConfig, folder: Path, report: Report, *, reach: bool) -> Figures:
        """Fit and ask; `reach` says whether the sources differ from what was judged before."""
        if reach:
            report(REACH, self._reach(config, folder / "sources"))
        release = folder / "release"
        window = self.window.material
        self.progress("fit", 0, 1)
        fit_release(
            window.interactions,
            window.items,
            window.attributes,
            config.model,
            release,
            seed=config.seed,
            real_times=window.real_times,
            impressions=self.window.impressions,
            shelf=self.shelf,
        )
        figures = Figures(config.tuning.new_weight)
        candidates = [Candidate(release, exam) for exam in self.window.exams]
        for stage in range(len(STAGES)):
            for candidate, exam in zip(candidates, self.window.exams, strict=True):
                candidate.exam = self._of_stage(exam, stage)
                figures.add(candidate.exam, candidate.answer(self.progress))
            if figures.parts():
                report(1 + stage, figures.value())
        return figures

    def _of_stage(self, exam: Exam, stage: int) -> Exam:
        kept = {
            part: asked.where(self.window.stage[asked.users] == stage)
            for part, asked in exam.questions.items()
        }
        return replace(exam, questions=kept)

    def _reach(self, config: TrainingConfig, folder: Path) -> float:
        """Mean share of a question's answers among its candidates, on a sample of each protocol's questions."""
        self.progress("fit the sources", 0, 1)
        material = replace(self.window.material, shelf=self.shelf)
        fit_sources(material, config.model, folder, seed=config.seed)
        return float(np.mean([share for exam in self.window.exams for share in _reached(folder, exam)]))


def _reached(folder: Path, exam: Exam) -> Iterator[float]:
    candidate, asked = Candidate(folder, exam), exam.questions["all"]
    to_release = candidate.pipeline.vocabulary.encode(exam.log.items.ids)
    rows = spread(np.arange(len(asked)), _REACH_QUESTIONS)
    for row in rows.tolist():
        wanted = to_release[asked.truth.indices[asked.truth.indptr[row] : asked.truth.indptr[row + 1]]]
        found = candidate.pipeline.candidates(candidate.query("all", row))[0]
        yield float(np.isin(wanted, found).mean())
