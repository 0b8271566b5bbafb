"""Features as they were at serving, for the `served` event: what a later ranker learns from, free of any replay.

Invariant: a row is named by the item's place among the event's `items` followed by its `not_shown`, from 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

import numpy as np

from recsys.query import Answer, FeatureRows
from recsys.ranking.feature_log import FEATURES_DIGEST, pack
from recsys.ranking.features import Matrix

__all__ = ["LogBudget", "Logged", "detail_of", "logged_of"]


class LogBudget:
    """Gives out so many logs a second: a quiet shop keeps the features of every list, a busy one of as many as a ranker
    can learn from, and the others' packing costs nobody a list. Which ones follows from the time alone."""

    def __init__(self, per_s: float, seconds: Callable[[], float] = monotonic) -> None:
        self._pause_s = 1 / per_s if per_s > 0 else inf
        self._seconds = seconds
        self._next = -inf if per_s > 0 else inf

    def take(self) -> bool:
        """Whether this list is to be logged."""
        now = self._seconds()
        if now < self._next:
            return False
        # A second's worth may come at once, as visitors do.
        self._next = max(self._next, now - 1.0) + self._pause_s
        return True


@dataclass(frozen=True, slots=True)
class Logged:
    """Feature rows of a listing's items."""

    places: tuple[int, ...]
    matrix: Matrix
    """float32[features, places]."""


def logged_of(answers: Sequence[Answer], *, behind: bool = True) -> Logged | None:
    """Of answers that make one listing, in its order; None when none of them carries features.

    Items behind the list have places only where there is one answer; `behind=False` leaves them out.
    """
    places: list[int] = []
    parts: list[Matrix] = []
    first = 0
    for answer in answers:
        if answer.logged is not None:
            codes = np.concatenate((answer.items, answer.not_shown)) if behind else answer.items
            taken, matrix = _placed(codes.tolist(), answer.logged)
            places += [first + place for place in taken]
            parts.append(matrix)
        first += len(answer.items)
    if not places:
        return None
    return Logged(tuple(places), parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))


def _placed(codes: Sequence[int], rows: FeatureRows) -> tuple[list[int], Matrix]:
    """The places of those of `codes` that have a row, ascending, and their rows in that order.

    Rows come in the order of the list already, so a look-up of each is cheaper than sorting and intersecting.
    """
    place_of = {code: place for place, code in enumerate(codes)}
    found = [(place_of[code], row) for row, code in enumerate(rows.codes.tolist()) if code in place_of]
    found.sort()
    order = [row for _, row in found]
    whole = order == list(range(len(rows.codes)))
    return [place for place, _ in found], rows.matrix if whole else rows.matrix[:, order]


def detail_of(logged: Logged | None) -> dict[str, object] | None:
    """As JSON values; `rows` is packed (`recsys.ranking.feature_log`)."""
    if logged is None:
        return None
    return {"digest": FEATURES_DIGEST, "places": list(logged.places), "rows": pack(logged.matrix)}
