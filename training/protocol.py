"""The frozen protocol: at the cut every shopper asks once, the window after it answers.

Invariants: a question's history and time come from before its answer; the truth is what the shopper bought in
the window (or the strongest behaviour the log has); `-new` asks for what that shopper never touched before.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, EventType
from training.config import EvaluationConfig
from training.errors import TooLittleDataError
from training.split import Split

__all__ = ["STRENGTH", "Questions", "ask"]

STRENGTH: Final = (EventType.PURCHASE, EventType.CART, EventType.FAVORITE, EventType.CLICK, EventType.VIEW)
_TAKEN_BACK: Final = {
    EventType.PURCHASE: (EventType.RETURN, EventType.CANCEL),
    EventType.CART: (EventType.UNCART,),
}


@dataclass(frozen=True)
class Questions:
    """q questions over one split; item codes are those of the split's interactions."""

    users: npt.NDArray[np.int32]
    """User code of each question, ascending, int32[q]."""
    as_of: npt.NDArray[np.int64]
    """Time of each question (ms), int64[q]."""
    truth: sparse.csr_matrix
    """What answers it, q × items, ones."""
    seen: sparse.csr_matrix
    """Times the shopper touched an item before, q × items."""
    behaviour: EventType
    """The behaviour that counts as an answer."""

    def __len__(self) -> int:
        return len(self.users)

    def new(self) -> "Questions":
        """The `-new` part: truth without seen items, questions left without an answer dropped."""
        fresh = sparse.csr_matrix(self.truth - self.truth.multiply(self.seen > 0))
        fresh.eliminate_zeros()
        return self._with_truth(fresh, np.diff(fresh.indptr) > 0)

    def _with_truth(self, truth: sparse.csr_matrix, keep: npt.NDArray[np.bool_]) -> "Questions":
        return Questions(self.users[keep], self.as_of[keep], truth[keep], self.seen[keep], self.behaviour)


def ask(split: Split, known: npt.NDArray[np.bool_], config: EvaluationConfig, seed: int) -> Questions:
    """Build the questions of a split; `known[user]` is False for sessions without a shopper: not asked.

    Raises TooLittleDataError when nobody in the window did anything that could answer.
    """
    behaviour = _strongest(split.test)
    answers = split.test.of_types([behaviour])
    truth = _ones(answers) - _ones(answers).multiply(_taken_back(split.test, behaviour))
    truth = sparse.csr_matrix(truth)
    truth.eliminate_zeros()
    users = np.flatnonzero((np.diff(truth.indptr) > 0) & known).astype(np.int32)
    if len(users) > config.most_queries:
        users = np.sort(np.random.default_rng(seed).choice(users, config.most_queries, replace=False))
    counts = split.train.user_items(np.ones(len(split.train), np.float32))
    return Questions(users, _times(split, users), truth[users], counts[users], behaviour)


def _strongest(test: Interactions) -> EventType:
    present = set(np.unique(test.type).tolist())
    for behaviour in STRENGTH:
        if EVENT_CODES[behaviour] in present:
            return behaviour
    raise TooLittleDataError(
        "the test window has no purchase, cart, favourite, click or view to answer a question; "
        "bring in such events or train without figures: recsys train --no-evaluation"
    )


def _ones(rows: Interactions) -> sparse.csr_matrix:
    matrix = rows.user_items(np.ones(len(rows), np.float32))
    matrix.data[:] = 1
    return matrix


def _taken_back(test: Interactions, behaviour: EventType) -> sparse.csr_matrix:
    """User × item pairs whose behaviour was undone inside the window, as ones."""
    return _ones(test.of_types(_TAKEN_BACK.get(behaviour, ())))


def _times(split: Split, users: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The cut of a temporal split; the shopper's newest known time where only the order is known."""
    if split.protocol == "temporal":
        return np.full(len(users), split.cut, np.int64)
    ends = split.train.user_slices()[users.astype(np.int64) + 1]
    return split.train.time[ends - 1]
