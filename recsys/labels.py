"""Questions that a log answers by itself: what did this shopper want next, knowing only what came before?

A question is asked before an event of the label window: history = everything with an earlier time, so its clock is the
event before, never the target's own. Wanted are the items of the next moment (a basket shares one time), and less so
what the shopper touches later in the window. Logs without real times hold one event of each shopper out instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.history import History
from recsys.interactions import Interactions
from recsys.kinds import NEGATIVE, POSITIVE
from recsys.past import SESSION_GAP_MS
from recsys.standing import standing_in_any_order, standing_purchases
from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS

__all__ = [
    "HISTORY_LENGTH",
    "LATER",
    "NEXT",
    "Question",
    "held_out_questions",
    "hold_out",
    "label_start",
    "opening_questions",
    "questions",
    "spread",
]

HISTORY_LENGTH: Final = 500
"""Newest events of a shopper that a question knows: what the online store keeps by default."""
LATER: Final = 1
NEXT: Final = 2

_ORDER: Final = (EventType.CART, EventType.PURCHASE)
_STRENGTH: Final = np.array(
    [1 + _ORDER.index(kind) if kind in _ORDER else 0 for kind in EVENT_CODES], np.int64
)
_KIND_OF_STRENGTH: Final = np.array([EVENT_CODES[kind] for kind in (EventType.VIEW, *_ORDER)], np.int8)
_NOTHING: Final = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Question:
    """One shopper at one moment."""

    user: int
    history: History
    as_of: int
    """Time of the newest event of the history (ms)."""
    asked_at: int
    """When it is asked, as in `Query` (ms)."""
    items: npt.NDArray[np.int32]
    """Wanted items, ascending."""
    grades: npt.NDArray[np.int8]
    """NEXT or LATER of each."""
    kinds: npt.NDArray[np.int8]
    """Event code of the strongest touch of each (in the order purchase, cart, others)."""
    without: npt.NDArray[np.int32] = field(default_factory=lambda: _NOTHING)
    """Items that may not be the answer."""

    def unseen(self) -> "Question":
        """The same, asked for items that the history at hand does not hold."""
        seen = np.unique(self.history.items)
        fresh = ~np.isin(self.items, seen)
        return replace(
            self,
            items=self.items[fresh],
            grades=self.grades[fresh],
            kinds=self.kinds[fresh],
            without=seen,
        )


def questions(
    log: Interactions, start: int, most: int, per_shopper: int, history_length: int, seed: int
) -> Iterator[Question]:
    """At most `most` questions about what happened from `start` (ms) on, in shopper order.

    Each is asked right after the event before, at `start` at the earliest: when that event was, nobody could know
    whether another will follow at once.
    """
    for rows, row in _drawn(log, start, most, per_shopper, seed, opening=False):
        yield _question(log, rows, row, history_length, start)


def opening_questions(
    log: Interactions, start: int, most: int, per_shopper: int, history_length: int, seed: int
) -> Iterator[Question]:
    """The same about moments that open a visit, asked at that moment: a shop sees who comes back."""
    for rows, row in _drawn(log, start, most, per_shopper, seed, opening=True):
        yield _question(log, rows, row, history_length, int(log.time[row]))


def held_out_questions(
    log: Interactions, held: npt.NDArray[np.bool_], history_length: int
) -> Iterator[Question]:
    """One question per held-out row (see `hold_out`): wanted is its item, known is everything else of its shopper."""
    slices = log.user_slices()
    for row in np.flatnonzero(held).tolist():
        user = int(log.user[row])
        rows = slice(int(slices[user]), int(slices[user + 1]))
        kept = np.flatnonzero(~held[rows])[-history_length:] + rows.start
        history = History(log.item[kept], log.type[kept], log.time[kept])
        yield Question(
            user,
            history,
            int(history.times[-1]),
            0,
            log.item[row : row + 1],
            np.array([NEXT], np.int8),
            log.type[row : row + 1],
        )


def _given_back(items: npt.NDArray[np.int32], types: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Items whose last word, of rows in time order, was a return, a cancel or an uncart, while no purchase stands."""
    said = POSITIVE[types] | NEGATIVE[types]
    items, types = items[said], types[said]
    codes, last = np.unique(items[::-1], return_index=True)
    back = codes[NEGATIVE[types[::-1][last]]]
    if not len(back):
        return back
    return np.setdiff1d(back, items[standing_purchases(items.astype(np.int64), types)])


def hold_out(log: Interactions, most: int, seed: int) -> npt.NDArray[np.bool_]:
    """bool[n]: one row each of at most `most` shoppers with two rows or more, of the strongest behaviour each shows.

    Shoppers of a stronger behaviour first, drawn by `seed` among equals: a purchase says more, and where purchases are
    few, views ask too. For logs whose times are made up: rows stand in no order that means anything, so any row is as
    good as the last.
    """
    generator = np.random.default_rng(seed)
    strength = np.where(POSITIVE[log.type] & ~_taken_back(log), 1 + _STRENGTH[log.type], 0)
    order = np.lexsort((generator.random(len(log)), -strength, log.user))
    first = np.ones(len(order), bool)
    first[1:] = log.user[order][1:] != log.user[order][:-1]
    rows = order[first]
    several = np.bincount(log.user, minlength=len(log.users))[log.user[rows]] > 1
    rows = generator.permutation(rows[several & (strength[rows] > 0)])
    held = np.zeros(len(log), bool)
    held[rows[np.argsort(-strength[rows], kind="stable")][:most]] = True
    return held


def _taken_back(log: Interactions) -> npt.NDArray[np.bool_]:
    """bool[n]: rows of a shopper and an item that may have been taken back in some order, while no purchase stands."""
    pairs = log.user.astype(np.int64) * len(log.items) + log.item
    stands = standing_in_any_order(pairs, log.type)
    bought = stands & (log.type == EVENT_CODES[EventType.PURCHASE])
    return np.isin(pairs, pairs[~stands]) & ~np.isin(pairs, pairs[bought])


def spread(values: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """At most `most` of some values, evenly spread."""
    if len(values) <= most:
        return values
    places = np.linspace(0, len(values) - 1, most).round().astype(np.int64)
    return np.asarray(values[places])


def _drawn(
    log: Interactions, start: int, most: int, per_shopper: int, seed: int, *, opening: bool
) -> Iterator[tuple[slice, int]]:
    """At most `most` moments: the rows of the shopper, the first row of the moment.

    Shoppers are drawn by `seed` where there are too many, others for openings: more shoppers teach more than more
    questions of the same ones. The moments of one shopper are spread evenly.
    """
    slices = log.user_slices()
    active = np.unique(log.user[(log.time >= start) & POSITIVE[log.type]])
    moments: dict[int, tuple[slice, npt.NDArray[np.int64]]] = {}
    left = most
    for user in np.random.default_rng(seed).permutation(active)[:: -1 if opening else 1].tolist():
        rows = slice(int(slices[user]), int(slices[user + 1]))
        found = _moments(log, rows, start, opening=opening)
        if len(found):
            found = spread(found, min(per_shopper, left))
            moments[user] = rows, found
            left -= len(found)
        if left <= 0:
            break
    for _, (rows, found) in sorted(moments.items(), key=itemgetter(0)):
        for row in found.tolist():
            yield rows, row


def _moments(log: Interactions, rows: slice, start: int, *, opening: bool) -> npt.NDArray[np.int64]:
    """First rows of the positive moments at or after `start` that have something before them, a pause if `opening`."""
    times = log.time[rows]
    since = np.diff(times, prepend=times[0])
    wanted = POSITIVE[log.type[rows]] & (times >= start) & (times > times[0])
    if opening:
        wanted &= since > SESSION_GAP_MS
    _, first = np.unique(times[wanted], return_index=True)
    return np.asarray(np.flatnonzero(wanted)[first] + rows.start)


def _question(log: Interactions, rows: slice, row: int, limit: int, asked_at: int) -> Question:
    times = log.time[rows]
    until = rows.start + int(np.searchsorted(times, log.time[row]))
    past = slice(max(rows.start, until - limit), until)
    history = History(log.item[past], log.type[past], log.time[past])
    future = slice(until, rows.stop)
    wanted = POSITIVE[log.type[future]]
    items, kinds, moments = log.item[future][wanted], log.type[future][wanted], log.time[future][wanted]
    stand = ~np.isin(items, _given_back(log.item[future], log.type[future]))
    items, kinds, moments = items[stand], kinds[stand], moments[stand]
    codes, inverse = np.unique(items, return_inverse=True)
    grades = np.full(len(codes), LATER, np.int8)
    grades[inverse[moments == log.time[row]]] = NEXT
    strongest = np.zeros(len(codes), np.int64)
    np.maximum.at(strongest, inverse, _STRENGTH[kinds])
    return Question(
        int(log.user[row]),
        history,
        int(history.times[-1]),
        asked_at,
        codes.astype(np.int32),
        grades,
        _KIND_OF_STRENGTH[strongest],
    )


def label_start(log: Interactions, days: float, largest_share: float = 0.25) -> int:
    """First time (ms) of the label window at the end of a log."""
    if not len(log):
        return 0
    first, end = int(log.time.min()), log.end + 1
    return end - round(min(days * DAY_MS, (end - first) * largest_share))
