"""The exam every system sits: one split of the log, its questions, and what is known of those who ask.

Invariants: nothing a system is told of comes from after a question's own time, and models know nothing from the
cut on; two exams of the same log, cut, protocol and configuration are equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from feature_store.offline import DataRange, OfflineStore
from recsys.errors import InputError
from recsys.interactions import Interactions
from recsys.types import POSITIVE_TYPES, Scalar
from training.config import EvaluationConfig, TrainingConfig
from training.dataset import Dataset, with_catalogue
from training.facts import ItemFacts
from training.protocol import Protocol, Questions, ask, ask_next, ask_touched
from training.split import Split, leave_one_out, temporal_split

__all__ = ["PARTS", "Exam", "Part", "set_exam"]

Part = Literal["all", "new", "touched"]
PARTS: Final[tuple[Part, ...]] = ("all", "new")
"""What every exam asks; `touched` is asked besides where somebody wants to know."""


@dataclass(frozen=True)
class Exam:
    """Questions over one split. Item codes are those of the log."""

    split: Split
    questions: Mapping[Part, Questions]
    """`all`: whatever the protocol counts as an answer; `new`: only what the shopper had never touched;
    `touched` (frozen only): everything positive in the window."""
    attributes: Mapping[str, Mapping[str, Scalar]]
    """What is known of each shopper at the cut, by user id."""
    data: DataRange
    """The whole log the exam was made from."""
    config: EvaluationConfig
    seed: int
    history_length: int
    """Newest events per shopper that a system may look at: what the online store keeps."""
    protocol: Protocol = "frozen"
    whole: Interactions | None = None
    """The whole log, where histories reach into the window (`next`)."""
    facts: ItemFacts = field(default_factory=ItemFacts)
    """What is known of items, for reports only."""

    @property
    def log(self) -> Interactions:
        """What models may know: the events before the cut."""
        return self.split.train

    @property
    def history_log(self) -> Interactions:
        """Where the histories of questions lie (`Questions.upto`); same codes as `log`."""
        return self.log if self.whole is None else self.whole

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of this exam, `all` and `new` first."""
        return tuple(self.questions)

    @property
    def longest(self) -> int:
        """Length of the lists to give."""
        return max(self.config.k)

    @cached_property
    def touched(self) -> npt.NDArray[np.int64]:
        """Distinct shoppers who touched each item before the cut, int64[items]."""
        rows = self.log.of_types(POSITIVE_TYPES)
        matrix = rows.user_items(np.ones(len(rows), np.float32))
        return np.bincount(matrix.indices, minlength=matrix.shape[1])

    def tagged(self, part: Part = "all") -> npt.NDArray[np.bool_]:
        """bool[q] over the questions of a part: attributes are known of the asking shopper."""
        users, place = np.unique(self.questions[part].users, return_inverse=True)
        known = np.array([self.log.users[int(user)] in self.attributes for user in users], np.bool_)
        return known[place]

    def plain(self) -> dict[str, object]:
        """JSON form of what was asked."""
        return {
            "protocol": self.protocol,
            "split": self.split.protocol,
            "cut": self.split.cut,
            "end": self.split.end,
            "behaviours": [kind.value for kind in self.questions["all"].behaviours],
            "questions": {part: len(asked) for part, asked in self.questions.items()},
            "shoppers": {part: asked.shoppers for part, asked in self.questions.items()},
        }


def set_exam(
    dataset: Dataset, store: OfflineStore, config: TrainingConfig, history_length: int, cut: int | None = None
) -> Exam:
    """Split the log (at `cut` if given, else where the configuration says) and write the questions.

    `config.evaluation` names the protocol; a log with made-up times is split by order alone. Raises
    TooLittleDataError when it cannot carry an exam, InputError when its times cannot carry the protocol.
    """
    protocol = _protocol(dataset, config.evaluation, cut)
    items = store.items()
    rows = with_catalogue(dataset.interactions, items)
    by_order = dataset.synthetic_time
    split = leave_one_out(rows, config.split) if by_order else temporal_split(rows, config.split, cut)
    # Without real times what is known now is all there is.
    as_of = None if by_order else split.cut
    return Exam(
        split,
        _questions(rows, split, dataset, config, protocol),
        {user.user_id: user.attributes for user in store.users(as_of) if user.attributes},
        dataset.range,
        config.evaluation,
        config.seed,
        history_length,
        protocol,
        rows if protocol == "next" else None,
        ItemFacts.of(items, rows.items, split.cut),
    )


def _protocol(dataset: Dataset, config: EvaluationConfig, cut: int | None) -> Protocol:
    wanted = config.protocol
    if not dataset.synthetic_time:
        return "frozen" if wanted == "auto" else wanted
    if wanted not in ("auto", "split"):
        raise InputError(
            f"protocol {wanted!r} needs real times, and this log's are made up (they only order the events); "
            "use: recsys evaluate --protocol split"
        )
    if cut is not None:
        raise InputError(
            "this log's times are made up, so there is no moment to cut it at; leave --cut away: one row of each "
            "shopper is held out instead"
        )
    return "split"


def _questions(
    rows: Interactions, split: Split, dataset: Dataset, config: TrainingConfig, protocol: Protocol
) -> dict[Part, Questions]:
    rules, known = config.evaluation, dataset.known
    if protocol == "next":
        asked = ask_next(rows, split, known, rules, config.seed)
    else:
        asked = ask(split, known, rules, config.seed)
    found: dict[Part, Questions] = {"all": asked, "new": asked.new()}
    if rules.touched and protocol != "next" and split.protocol == "temporal":
        found["touched"] = ask_touched(split, known, rules, config.seed)
    return found
