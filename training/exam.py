"""The exam every system sits: one split of the log, its questions, and what is known of those who ask.

Invariants: nothing in it but the truth comes from after the cut; two exams of the same log, cut and
configuration are equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from feature_store.offline import DataRange, OfflineStore
from recsys.interactions import Interactions
from recsys.types import Scalar
from training.config import EvaluationConfig, TrainingConfig
from training.dataset import Dataset
from training.protocol import Questions, ask
from training.split import Split, leave_last_out, temporal_split

__all__ = ["PARTS", "Exam", "Part", "set_exam"]

Part = Literal["all", "new"]
PARTS: Final[tuple[Part, ...]] = ("all", "new")


@dataclass(frozen=True)
class Exam:
    """Questions over one split. Item codes are those of the log."""

    split: Split
    questions: Mapping[Part, Questions]
    """`all`: everything the shopper bought counts; `new`: only what they had never touched."""
    attributes: Mapping[str, Mapping[str, Scalar]]
    """What is known of each shopper at the cut, by user id."""
    data: DataRange
    """The whole log the exam was made from."""
    config: EvaluationConfig
    seed: int
    history_length: int
    """Newest events per shopper that a system may look at: what the online store keeps."""

    @property
    def log(self) -> Interactions:
        """What everybody may know: the events before the cut."""
        return self.split.train

    @property
    def longest(self) -> int:
        """Length of the lists to give."""
        return max(self.config.k)

    def tagged(self) -> npt.NDArray[np.bool_]:
        """bool[q] over the questions of `all`: attributes are known of the asking shopper."""
        names = (self.log.users[int(user)] for user in self.questions["all"].users)
        return np.array([name in self.attributes for name in names], np.bool_)

    def plain(self) -> dict[str, object]:
        """JSON form of what was asked."""
        return {
            "protocol": self.split.protocol,
            "cut": self.split.cut,
            "end": self.split.end,
            "behaviour": self.questions["all"].behaviour.value,
            "questions": {part: len(self.questions[part]) for part in PARTS},
        }


def set_exam(
    dataset: Dataset, store: OfflineStore, config: TrainingConfig, history_length: int, cut: int | None = None
) -> Exam:
    """Split the log (at `cut` if given, else where the configuration says) and write the questions.

    A log with made-up times is split by order alone. Raises TooLittleDataError when it cannot carry an exam.
    """
    if dataset.synthetic_time:
        split = leave_last_out(dataset.interactions, config.split)
    else:
        split = temporal_split(dataset.interactions, config.split, cut)
    questions = ask(split, dataset.known, config.evaluation, config.seed)
    as_of = None if dataset.synthetic_time else split.cut
    return Exam(
        split,
        {"all": questions, "new": questions.new()},
        {user.user_id: user.attributes for user in store.users(as_of) if user.attributes},
        dataset.range,
        config.evaluation,
        config.seed,
        history_length,
    )
