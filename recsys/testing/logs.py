"""Small logs written down row by row, so that a test can say what happened and know the answer."""

from collections.abc import Sequence

import numpy as np

from recsys.interactions import Interactions
from recsys.past import SESSION_GAP_MS
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

__all__ = ["Row", "log_of"]

Row = tuple[str, str, EventType, float]
"""Shopper, item, what was done, and the day it was done (fractions are times of day)."""


def log_of(rows: Sequence[Row], items: Sequence[str] = (), start: int = 0) -> Interactions:
    """The log of some rows, days counted from `start` (ms); `items` come first in the vocabulary.

    A shopper's session ends where half an hour passes without an event.
    """
    ordered = sorted(rows, key=lambda row: (row[0], row[3]))
    users = Vocabulary(dict.fromkeys(row[0] for row in ordered))
    known = Vocabulary(dict.fromkeys([*items, *(row[1] for row in rows)]))
    user = users.encode([row[0] for row in ordered])
    times = start + np.round(np.array([row[3] for row in ordered], np.float64) * DAY_MS).astype(np.int64)
    opens = np.ones(len(ordered), np.bool_)
    opens[1:] = (user[1:] != user[:-1]) | (np.diff(times) > SESSION_GAP_MS)
    return Interactions.sort(
        users=users,
        items=known,
        columns=(
            user,
            known.encode([row[1] for row in ordered]),
            np.array([EVENT_CODES[row[2]] for row in ordered], np.int8),
            times,
            (np.cumsum(opens) - 1).astype(np.int32),
            np.ones(len(ordered), np.float32),
        ),
    )
