"""Features as they were at serving, for the `served` event: what a later ranker learns from, free of any replay.

Invariant: a row is named by the item's place among the event's `items` followed by its `not_shown`, from 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.query import Answer
from recsys.ranking.feature_log import FEATURES_DIGEST, pack
from recsys.ranking.features import Matrix

__all__ = ["Logged", "detail_of", "logged_of"]


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
            rows = answer.logged.in_order(codes)
            places += (first + np.flatnonzero(np.isin(codes, rows.codes))).tolist()
            parts.append(rows.matrix)
        first += len(answer.items)
    return Logged(tuple(places), np.concatenate(parts, axis=1)) if places else None


def detail_of(logged: Logged | None) -> dict[str, object] | None:
    """As JSON values; `rows` is packed (`recsys.ranking.feature_log`)."""
    if logged is None:
        return None
    return {"digest": FEATURES_DIGEST, "places": list(logged.places), "rows": pack(logged.matrix)}
