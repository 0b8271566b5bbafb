"""What the bench asks: every data set cut the way docs/training.md says, as exams over one log.

Invariants: all systems learn from `Course.train` alone and answer the same questions; item codes are those of the
whole log everywhere, so no list needs a translation.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from feature_store.offline import DataRange
from feature_store.settings import StoreSettings
from recsys.interactions import Interactions
from recsys.types import Item, Scalar
from training.bench.data import BenchData
from training.config import EvaluationConfig, SplitConfig
from training.exam import Exam, Part
from training.protocol import Protocol, Questions, ask, ask_next, ask_touched
from training.split import Split, temporal_split

__all__ = [
    "RULES",
    "Course",
    "Problem",
    "complete_journey_course",
    "everybody",
    "exam_of",
    "few_shoppers",
    "retailrocket_course",
]

RULES: Final = EvaluationConfig(k=(10, 20), most_queries=10**9, queries_per_shopper=20)
"""Every question is asked; at most 20 a shopper, spread evenly."""
_RETAILROCKET_CUT: Final = round(datetime(2015, 8, 22, tzinfo=UTC).timestamp() * 1000)
_HISTORY: Final[int] = StoreSettings.model_fields["history_length"].default


@dataclass(frozen=True)
class Problem:
    """One protocol of a data set."""

    exam: Exam
    """Its part `new` leaves `seen` of the questions out of every list."""
    titles: Mapping[Part, str]
    """What each part is called in reports."""
    metrics: tuple[str, ...] = ("ndcg@20", "recall@20", "hr@20", "mrr@20")
    """What is shown; systems are compared by the first."""
    histories: Mapping[Part, Questions] = field(default_factory=dict)
    """Questions whose `seen` is the whole history, where the exam's is only what is left out of lists."""

    def asked(self, part: Part) -> Questions:
        """The questions with whole histories in `seen`."""
        return self.histories.get(part, self.exam.questions[part])


@dataclass(frozen=True)
class Course:
    """One data set, cut: what may be learned, and every problem to solve then."""

    name: str
    train: Interactions
    items: tuple[Item, ...]
    attributes: Mapping[str, Mapping[str, Scalar]]
    problems: tuple[Problem, ...]
    data: DataRange
    """Of `train`."""
    real_times: bool = True

    @property
    def until(self) -> int:
        """First time (ms) nothing is known of."""
        return self.problems[0].exam.split.cut


def retailrocket_course(data: BenchData) -> Course:
    """Cut at 2015-08-22: live, at the cut (everything touched), and at the cut (purchases)."""
    log, known = data.interactions, everybody(data.interactions)
    split = temporal_split(log, SplitConfig(), _RETAILROCKET_CUT)
    live = ask_next(log, split, known, RULES, 0)
    touched = with_history(ask_touched(split, known, RULES, 0))
    bought = with_history(ask(split, known, RULES, 0))
    problems = (
        Problem(exam_of(data, split, _both(live), "next", log), _titles("next")),
        Problem(exam_of(data, split, _both(touched)), _titles("frozen")),
        Problem(exam_of(data, split, _both(bought)), _titles("frozen purchases")),
    )
    return _course(data, split, problems)


def complete_journey_course(data: BenchData) -> Course:
    """Purchases of the last 28 days, asked at the cut, seen items included and left out."""
    split = temporal_split(data.interactions, SplitConfig())
    asked = with_history(ask(split, everybody(data.interactions), RULES, 0))
    exam = exam_of(data, split, _both(asked))
    return _course(data, split, (Problem(exam, _titles("frozen purchases")),))


def exam_of(
    data: BenchData,
    split: Split,
    questions: Mapping[Part, Questions],
    protocol: Protocol = "frozen",
    whole: Interactions | None = None,
) -> Exam:
    """An exam of a data set whose shoppers' attributes do not change."""
    return Exam(
        split, questions, attributes_of(data), range_of(split.train), RULES, 0, _HISTORY, protocol, whole
    )


def everybody(log: Interactions) -> npt.NDArray[np.bool_]:
    """Who may be asked: all of them."""
    return np.ones(len(log.users), np.bool_)


def with_history(questions: Questions) -> Questions:
    """The questions of shoppers who had done anything: of others every list is the same."""
    return questions.where(np.diff(questions.seen.indptr) > 0)


def attributes_of(data: BenchData) -> Mapping[str, Mapping[str, Scalar]]:
    """What is known of shoppers, by id."""
    return {user.user_id: user.attributes for user in data.users if user.attributes}


def range_of(rows: Interactions) -> DataRange:
    """First and last time, number, and a hash of the content of rows."""
    digest = hashlib.sha256(f"{rows.users.digest} {rows.items.digest}".encode())
    for column in (rows.user, rows.item, rows.type, rows.time, rows.session, rows.quantity):
        digest.update(np.ascontiguousarray(column).data)
    first = int(rows.time.min()) if len(rows) else None
    return DataRange(first, rows.end if len(rows) else None, len(rows), digest.hexdigest()[:16])


def few_shoppers(data: BenchData, most: int, seed: int = 0) -> BenchData:
    """All that `most` shoppers did, drawn by `seed`; codes stay what they are."""
    log = data.interactions
    active = np.unique(log.user)
    drawn = np.random.default_rng(seed).permutation(active)[:most]
    return replace(data, interactions=log.where(np.isin(log.user, drawn)))


def _both(questions: Questions) -> dict[Part, Questions]:
    return {"all": questions, "new": questions.new()}


def _titles(name: str) -> dict[Part, str]:
    return {"all": name, "new": f"{name}, new items"}


def _course(data: BenchData, split: Split, problems: tuple[Problem, ...]) -> Course:
    attributes = attributes_of(data)
    return Course(data.name, split.train, data.items, attributes, problems, range_of(split.train))
