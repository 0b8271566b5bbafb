"""A shopper's dealings with each item, counted once per request: what own-item features and slots read.

Ages are measured from the history's newest event, never from the clock (docs/decisions/0006).
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.history import History
from recsys.kinds import POSITIVE
from recsys.types import EVENT_CODES, EventType
from recsys.weights import HOUR_MS

__all__ = ["EMPTY_PAST", "SESSION_GAP_MS", "Past"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]

SESSION_GAP_MS: Final = 30 * 60_000
_PURCHASE: Final = EVENT_CODES[EventType.PURCHASE]
_CART: Final = EVENT_CODES[EventType.CART]
_NEVER: Final = 1e6
"""Hours since something that never happened."""


@dataclass(frozen=True)
class Past:
    """Distinct touched items (positive events), ascending; columns float32[m] aligned with `codes`."""

    codes: Codes
    events: Values
    """Positive events."""
    purchases: Values
    carts: Values
    age: Values
    """Hours from the last positive event to the newest event of the history."""
    bought_age: Values
    """Hours since the last purchase; 1e6 when never bought."""
    span: Values
    """Hours between the item's first and last event."""
    interval: Values
    """Mean hours between the item's events; 0 with one event."""
    week: Values
    """Events, each worth half after seven days."""
    quarter: Values
    """Events, each worth half after ninety days."""
    depth: Values
    """Distinct items touched since: 0 for the latest one."""
    in_session: Values
    """Positive events within the current session (no pause of 30 minutes since)."""
    history: History
    """The positive events themselves, oldest first."""
    session_start: int
    """Row of `history` that opens the current session."""
    opens_visit: bool
    """Whether that session is over and the shopper begins another one."""

    @classmethod
    def of(cls, history: History, asked_at: int = 0) -> Self:
        """Count a history; events that are not positive only age what is before them. `asked_at` as in `Query`."""
        kept = POSITIVE[history.types]
        newest = int(history.times[-1]) if len(history) else 0
        rows = (
            history if kept.all() else History(history.items[kept], history.types[kept], history.times[kept])
        )
        codes, inverse = np.unique(rows.items, return_inverse=True)
        count = len(codes)
        ages = ((newest - rows.times) / HOUR_MS).astype(np.float32)
        opening = _session_start(rows)
        events = np.bincount(inverse, minlength=count).astype(np.float32)
        first, last = np.empty(count, np.float32), np.empty(count, np.float32)
        first[inverse[::-1]] = ages[::-1]
        last[inverse] = ages  # rows ascend in time: the newest assignment stays
        bought = rows.types == _PURCHASE
        bought_age = np.full(count, _NEVER, np.float32)
        bought_age[inverse[bought]] = ages[bought]
        place = np.empty(count, np.int64)
        place[inverse] = np.arange(len(rows))
        depth = np.empty(count, np.float32)
        depth[np.argsort(-place)] = np.arange(count, dtype=np.float32)
        return cls(
            codes=codes.astype(np.int32),
            events=events,
            purchases=np.bincount(inverse[bought], minlength=count).astype(np.float32),
            carts=np.bincount(inverse[rows.types == _CART], minlength=count).astype(np.float32),
            age=last,
            bought_age=bought_age,
            span=first - last,
            interval=((first - last) / np.maximum(events - 1, 1)).astype(np.float32),
            week=_halved(inverse, ages, 7 * 24, count),
            quarter=_halved(inverse, ages, 90 * 24, count),
            depth=depth,
            in_session=np.bincount(inverse[opening:], minlength=count).astype(np.float32),
            history=rows,
            session_start=opening,
            opens_visit=bool(len(history)) and asked_at - newest > SESSION_GAP_MS,
        )

    def __len__(self) -> int:
        return len(self.codes)


def _halved(inverse: npt.NDArray[np.int64], ages: Values, hours: float, count: int) -> Values:
    return np.bincount(inverse, weights=np.exp2(-ages / hours), minlength=count).astype(np.float32)


def _session_start(rows: History) -> int:
    pauses = np.flatnonzero(np.diff(rows.times) > SESSION_GAP_MS)
    return int(pauses[-1]) + 1 if len(pauses) else 0


EMPTY_PAST = Past.of(History(np.empty(0, np.int32), np.empty(0, np.int8), np.empty(0, np.int64)))
