"""The protocols of an evaluation: who asks what, when, and what would answer it.

`frozen`: every shopper asks once, at the cut, and the window after it answers. `next` (live): every positive
event of the window is asked about from what that shopper did before it. By order: the one row that was held out.

Invariants: a question holds nothing of its answer's time: its history ends, and its own time lies, before it;
the truth of `-new` is what that shopper never touched before; questions and histories are compressed rows, so
that memory grows with what shoppers did and not with shoppers times items.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.interactions import Interactions
from recsys.kinds import POSITIVE
from recsys.types import EVENT_CODES, POSITIVE_TYPES, EventType
from training.config import EvaluationConfig
from training.errors import TooLittleDataError
from training.split import STRENGTH, Split, stands

__all__ = ["Protocol", "Questions", "ask", "ask_next", "ask_touched"]

Protocol = Literal["frozen", "next", "split"]
Rows = npt.NDArray[np.bool_]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Questions:
    """q questions over one log; item codes are those of the log."""

    users: npt.NDArray[np.int32]
    """User code of each question, ascending; a live shopper asks several times. int32[q]."""
    upto: Offsets
    """History of question i: rows [first row of users[i], upto[i]) of the exam's `history_log`, int64[q]."""
    as_of: npt.NDArray[np.int64]
    """Time of each question (ms): the cut, or the newest event of the history; never the answer's. int64[q]."""
    truth: sparse.csr_matrix
    """What answers it, q × items, ones."""
    seen: sparse.csr_matrix
    """Times the shopper touched an item in the whole history, q × items."""
    behaviour: npt.NDArray[np.int8]
    """Code of `EVENT_CODES` of the behaviour that answers, int8[q]."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def shoppers(self) -> int:
        """How many different shoppers ask."""
        return len(np.unique(self.users))

    @property
    def behaviours(self) -> tuple[EventType, ...]:
        """Every behaviour that answers a question, strongest first."""
        present = set(self.behaviour.tolist())
        return tuple(kind for kind in STRENGTH if EVENT_CODES[kind] in present)

    def new(self) -> "Questions":
        """The `-new` part: truth without seen items, questions left without an answer dropped."""
        fresh = sparse.csr_matrix(self.truth - self.truth.multiply(self.seen > 0))
        fresh.eliminate_zeros()
        return replace(self, truth=fresh).where(np.diff(fresh.indptr) > 0)

    def of(self, kinds: Collection[EventType]) -> "Questions":
        """The questions that one of these behaviours answers."""
        return self.where(np.isin(self.behaviour, [EVENT_CODES[kind] for kind in kinds]))

    def where(self, keep: Rows) -> "Questions":
        """The questions where `keep: bool[q]` is true, in the same order."""
        return Questions(
            self.users[keep],
            self.upto[keep],
            self.as_of[keep],
            self.truth[keep],
            self.seen[keep],
            self.behaviour[keep],
        )


def ask(split: Split, known: Rows, config: EvaluationConfig, seed: int) -> Questions:
    """One question per shopper: at the cut of a temporal split, or for the row held out by order.

    The truth is what the shopper did in the window of the strongest behaviour that known shoppers show there and did
    not take back. `known[user]` is False for sessions without a shopper: they are not asked, and what they did chooses
    no behaviour. Raises TooLittleDataError when no known shopper did anything that could answer.
    """
    if split.protocol == "leave_one_out":
        return _once(split, known, (split.test, split.test.type), config, seed)
    answers = _answers(split, known)
    behaviour = _strongest(answers)
    answers = answers.of_types([behaviour])
    return _once(split, known, (answers, np.full(len(answers), EVENT_CODES[behaviour])), config, seed)


def ask_touched(split: Split, known: Rows, config: EvaluationConfig, seed: int) -> Questions:
    """As `ask` at the cut of a temporal split, but every positive event of the window is truth.

    The behaviour of a question is the strongest that its shopper showed. Raises TooLittleDataError when there
    is no positive event of a known shopper in the window.
    """
    answers = _answers(split, known).of_types(POSITIVE_TYPES)
    return _once(split, known, (answers, answers.type), config, seed)


def ask_next(log: Interactions, split: Split, known: Rows, config: EvaluationConfig, seed: int) -> Questions:
    """Live questions: each positive event of the window whose shopper has an earlier one, one answer each.

    The history is all rows of that shopper in `log`, the whole log, with an earlier time, those inside the
    window too; models know nothing from the cut on. At most `config.queries_per_shopper` questions a shopper,
    spread evenly; when there are more than `config.most_queries`, whole shoppers are drawn. Raises
    TooLittleDataError when there is no question, or the split was made by order.
    """
    if split.protocol == "leave_one_out":
        raise TooLittleDataError(
            "the log's times are made up, so nothing says what came next; use: recsys evaluate --protocol split"
        )
    rows, upto = _events_with_a_past(log, split, known)
    if not len(rows):
        raise TooLittleDataError(
            "no shopper did anything in the test window after an earlier event; "
            "move the cut (--cut TIME) or use: recsys evaluate --protocol frozen"
        )
    kept = _evenly(log.user[rows], config.queries_per_shopper)
    rows, upto = rows[kept], upto[kept]
    drawn = _whole_shoppers(log.user[rows], config.most_queries, seed)
    rows, upto = rows[drawn], upto[drawn]
    users = log.user[rows]
    return Questions(
        users.astype(np.int32),
        upto,
        log.time[upto - 1],
        _one_each(log.item[rows], len(log.items)),
        _seen(log, users, upto),
        log.type[rows],
    )


def _once(
    split: Split,
    known: Rows,
    answers: tuple[Interactions, npt.NDArray[np.integer]],
    config: EvaluationConfig,
    seed: int,
) -> Questions:
    """One question for each known shopper with a row in `answers`: (rows, behaviour of each).

    Raises TooLittleDataError when there is none.
    """
    rows, behaviour = answers
    truth = rows.user_items(np.ones(len(rows), np.float32))
    truth.data[:] = 1
    users = np.flatnonzero((np.diff(truth.indptr) > 0) & known).astype(np.int32)
    if not len(users):
        raise _nobody_to_ask()
    if len(users) > config.most_queries:
        users = np.sort(np.random.default_rng(seed).choice(users, config.most_queries, replace=False))
    starts = split.train.user_slices()
    upto = starts[users.astype(np.int64) + 1]
    as_of = np.full(len(users), split.cut, np.int64)
    if split.protocol == "leave_one_out":
        as_of = split.train.time[upto - 1]
    kinds = _strongest_of_each(rows.user, behaviour, len(rows.users))[users]
    return Questions(users, upto, as_of, truth[users], _seen(split.train, users, upto), kinds)


def _answers(split: Split, known: Rows) -> Interactions:
    """The rows of the window that a known shopper made and did not take back."""
    rows = split.test.where(known[split.test.user])
    return rows.where(stands(rows, split.test))


def _strongest(answers: Interactions) -> EventType:
    present = set(np.unique(answers.type).tolist())
    for behaviour in STRENGTH:
        if EVENT_CODES[behaviour] in present:
            return behaviour
    raise _nobody_to_ask()


def _nobody_to_ask() -> TooLittleDataError:
    return TooLittleDataError(
        "the test window has no purchase, cart, favourite, click or view of a known shopper to answer a question; "
        "bring in such events or train without figures: recsys train --no-evaluation"
    )


def _strongest_of_each(
    user: npt.NDArray[np.int32], kinds: npt.NDArray[np.integer], users: int
) -> npt.NDArray[np.int8]:
    """The strongest behaviour among the rows of every user, int8[users]."""
    order = np.array([EVENT_CODES[kind] for kind in STRENGTH], np.int8)
    rank = np.full(len(EVENT_CODES), len(order), np.int8)
    rank[order] = np.arange(len(order))
    best = np.full(users, len(order) - 1, np.int8)
    np.minimum.at(best, user, rank[kinds])
    return order[best]


def _events_with_a_past(log: Interactions, split: Split, known: Rows) -> tuple[Offsets, Offsets]:
    """Rows of `log` to ask about, and for each the first row of its shopper that is not before it."""
    positive = POSITIVE[log.type]
    inside = positive & (log.time >= split.cut) & (log.time < split.end) & known[log.user]
    # Rows lie by shopper and time: the first of each run of one shopper and one time ends the history.
    first = np.ones(len(log), np.bool_)
    first[1:] = (log.user[1:] != log.user[:-1]) | (log.time[1:] != log.time[:-1])
    upto = np.maximum.accumulate(np.where(first, np.arange(len(log)), 0))
    inside &= upto > log.user_slices()[log.user]
    inside[inside] = stands(log.where(inside), split.test)
    rows = np.flatnonzero(inside)
    rows = rows[_first_of_equal(log.where(inside), upto[rows])]
    return rows, upto[rows]


def _first_of_equal(events: Interactions, upto: Offsets) -> Offsets:
    """Positions of the first of equal events: one shopper, time, item and behaviour."""
    keys = np.stack((upto, events.item, events.type), axis=1)
    return np.sort(np.unique(keys, axis=0, return_index=True)[1])


def _evenly(users: npt.NDArray[np.integer], most: int) -> Rows:
    """At most `most` of each user's rows, spread evenly over them; `users` is ascending."""
    counts = np.bincount(users)[users]
    places = np.arange(len(users)) - np.searchsorted(users, users)
    spread: Rows = (places + 1) * most // counts > places * most // counts
    few: Rows = counts <= most
    return few | spread


def _whole_shoppers(users: npt.NDArray[np.integer], most: int, seed: int) -> Rows:
    """The rows of as many shoppers, drawn by `seed`, as fit into `most` rows; of one at least."""
    if len(users) <= most:
        return np.ones(len(users), np.bool_)
    distinct, counts = np.unique(users, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(distinct))
    fitting = max(1, int(np.searchsorted(np.cumsum(counts[order]), most, side="right")))
    return np.isin(users, distinct[order[:fitting]])


def _one_each(items: npt.NDArray[np.int32], n_items: int) -> sparse.csr_matrix:
    shape = (len(items), n_items)
    return sparse.csr_matrix((np.ones(len(items), np.float32), items, np.arange(len(items) + 1)), shape=shape)


def _seen(log: Interactions, users: npt.NDArray[np.integer], upto: Offsets) -> sparse.csr_matrix:
    """How often each question's history holds each item."""
    starts = log.user_slices()[users]
    indptr = np.concatenate(([0], np.cumsum(upto - starts)))
    places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], upto - starts)
    data = np.ones(len(places), np.float32)
    matrix = sparse.csr_matrix((data, log.item[places], indptr), shape=(len(users), len(log.items)))
    matrix.sum_duplicates()
    return matrix
