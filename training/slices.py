"""Which questions belong to which slice: by behaviour, history, life of the shopper, attributes and category.

Invariants: a slice is bool[q] over the questions of one part; within one kind of slice a question is in at most
one; slices are for reports and gates, so they may look at what a system must not be told (the answer's own time).
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS
from training.exam import Exam, Part
from training.protocol import Questions

__all__ = ["SMALL", "slices"]

Rows = npt.NDArray[np.bool_]
Times = npt.NDArray[np.int64]

SMALL: Final = 20
"""Slices of fewer shoppers are shown and marked: their figure says little."""
_BY_HISTORY: Final = ((0, 1), (1, 5), (5, 20), (20, 100), (100, math.inf))
_MOST_CATEGORIES: Final = 12
_NEW_MS: Final = 7 * DAY_MS
_LATE, _VERY_LATE = 2.0, 4.0
_PLURALS: Final = {
    EventType.PURCHASE: "purchases",
    EventType.CART: "carts",
    EventType.FAVORITE: "favourites",
    EventType.SHARE: "shares",
    EventType.CLICK: "clicks",
    EventType.VIEW: "views",
}


def slices(exam: Exam, part: Part = "all") -> dict[str, Rows]:
    """The slices of a part by name; some may be empty."""
    questions, tagged = exam.questions[part], exam.tagged(part)
    return {
        **dict(_by_behaviour(questions)),
        **dict(_by_history(questions)),
        **dict(_by_life(exam, questions)),
        "with attributes": tagged,
        "without attributes": ~tagged,
        **dict(_by_category(exam, questions)),
    }


def _by_behaviour(questions: Questions) -> Iterator[tuple[str, Rows]]:
    """What the answer was, where the part asks for more than one behaviour."""
    if len(questions.behaviours) > 1:
        for kind in questions.behaviours:
            yield _PLURALS[kind], questions.behaviour == EVENT_CODES[kind]


def _by_history(questions: Questions) -> Iterator[tuple[str, Rows]]:
    """How many events the shopper had before the question."""
    events = np.asarray(questions.seen.sum(axis=1)).ravel()
    for low, high in _BY_HISTORY:
        yield _range(low, high), (events >= low) & (events < high)


def _range(low: float, high: float) -> str:
    if high == 1:
        return "no history"
    return f"{low}+ events" if math.isinf(high) else f"{low}-{high - 1} events"


def _by_life(exam: Exam, questions: Questions) -> Iterator[tuple[str, Rows]]:
    """New: first seen within 7 days (or never). The others by silence before the answer, in units of the
    shopper's own mean gap between active days (the median shopper's where there was one such day, a day at
    least): up to 2 active, up to 4 at risk, above that sleeping. Nothing where times are made up.
    """
    if exam.split.protocol != "temporal":
        return
    log, upto = exam.history_log, questions.upto
    starts = log.user_slices()[questions.users]
    # One more row, so that a history without rows has places to point at.
    times = np.append(log.time, exam.split.cut)
    moment = times[upto] if exam.protocol == "next" else np.full(len(upto), exam.split.cut)
    new = (upto == starts) | (moment - times[starts] <= _NEW_MS)
    silence = (moment - times[upto - 1]) / _rhythm(log, starts, upto)
    yield "new shoppers", new
    yield "active shoppers", ~new & (silence <= _LATE)
    yield "shoppers at risk", ~new & (silence > _LATE) & (silence <= _VERY_LATE)
    yield "sleeping shoppers", ~new & (silence > _VERY_LATE)


def _rhythm(log: Interactions, starts: Times, upto: Times) -> npt.NDArray[np.float64]:
    """Usual time (ms) between the active days of each history [start, upto)."""
    days = np.append(log.time // DAY_MS, 0)
    fresh = np.ones(len(log), np.int64)
    fresh[1:] = np.diff(days[:-1]).astype(bool) | np.diff(log.user).astype(bool)
    active = np.concatenate(([0], np.cumsum(fresh)))

    def gaps(start: Times, end: Times) -> npt.NDArray[np.float64]:
        count = active[end] - active[start] - 1
        length = days[end - 1] - days[start]
        mean = np.full(len(count), np.nan)
        np.divide(length, count, out=mean, where=count > 0)
        return mean

    offsets = log.user_slices()
    everybody = gaps(offsets[:-1], offsets[1:])
    usual = float(np.nanmedian(everybody)) if np.isfinite(everybody).any() else 1.0
    own = gaps(starts, upto)
    return DAY_MS * np.maximum(np.where(np.isnan(own), usual, own), 1.0)


def _by_category(exam: Exam, questions: Questions) -> Iterator[tuple[str, Rows]]:
    """The top category of most of the truth: the most asked for by name, then all others."""
    names, truth = exam.facts.names, questions.truth
    if not names:
        return
    tops = exam.facts.top[truth.indices]
    query = np.repeat(np.arange(len(questions)), np.diff(truth.indptr))[tops >= 0]
    pairs, counts = np.unique(query * len(names) + tops[tops >= 0], return_counts=True)
    order = np.lexsort((-counts, pairs // len(names)))
    asked, first = np.unique(pairs[order] // len(names), return_index=True)
    top = np.full(len(questions), -1)
    top[asked] = pairs[order][first] % len(names)
    sizes = np.bincount(top[top >= 0], minlength=len(names))
    shown = np.argsort(-sizes, kind="stable")[:_MOST_CATEGORIES]
    for code in shown[sizes[shown] > 0].tolist():
        yield f"category {names[code]}", top == code
    yield "other categories", (top >= 0) & ~np.isin(top, shown)
    yield "no known category", top < 0
