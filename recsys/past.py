"""What a shopper did with each item, counted once per request: what own-item features and slots read.

Ages are measured from the history's newest event, never from the clock (docs/decisions/0006).
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.history import EMPTY_HISTORY, History
from recsys.kinds import POSITIVE, table
from recsys.past_kernel import BOUGHT, CARTED, WANTED, count_past
from recsys.types import EventType

__all__ = ["EMPTY_PAST", "SESSION_GAP_MS", "Past"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]

SESSION_GAP_MS: Final = 30 * 60_000
_MEANS: Final = (
    WANTED * POSITIVE + BOUGHT * table(EventType.PURCHASE) + CARTED * table(EventType.CART)
).astype(np.uint8)
"""What an event says, by event code."""


@dataclass(frozen=True)
class Past:
    """Distinct touched items (positive events), ascending, and what happened with each."""

    codes: Codes
    columns: Values
    """float32[11, m]: the properties below in their order, one column per item of `codes`."""
    history: History
    """The positive events themselves, oldest first."""
    session_start: int
    """Row of `history` that opens the current session."""
    opens_visit: bool
    """Whether that session is over and the shopper begins another one."""

    @classmethod
    def of(cls, history: History, asked_at: int = 0) -> Self:
        """Count a history; events that are not positive only age what is before them. `asked_at` as in `Query`."""
        items, types, times = history.items, history.types, history.times
        codes, columns, kept, count, opening = count_past(
            items, types, times, history.by_item, _MEANS, SESSION_GAP_MS
        )
        rows = history if count == len(history) else History(items[kept], types[kept], times[kept])
        over = len(history) > 0 and asked_at - int(times[-1]) > SESSION_GAP_MS
        return cls(codes, columns, rows, opening, over)

    def __len__(self) -> int:
        return len(self.codes)

    def _column(self, place: int) -> Values:
        column: Values = self.columns[place]
        return column

    @property
    def events(self) -> Values:
        """Positive events."""
        return self._column(0)

    @property
    def purchases(self) -> Values:
        """How often it was bought."""
        return self._column(1)

    @property
    def carts(self) -> Values:
        """How often it was put into the cart."""
        return self._column(2)

    @property
    def age(self) -> Values:
        """Hours from the last positive event to the newest event of the history."""
        return self._column(3)

    @property
    def bought_age(self) -> Values:
        """Hours since the last purchase; 1e6 when never bought."""
        return self._column(4)

    @property
    def span(self) -> Values:
        """Hours between the item's first and last event."""
        return self._column(5)

    @property
    def interval(self) -> Values:
        """Mean hours between the item's events; 0 with one event."""
        return self._column(6)

    @property
    def week(self) -> Values:
        """Events, each worth half after seven days."""
        return self._column(7)

    @property
    def quarter(self) -> Values:
        """Events, each worth half after ninety days."""
        return self._column(8)

    @property
    def depth(self) -> Values:
        """Distinct items touched since: 0 for the latest one."""
        return self._column(9)

    @property
    def in_session(self) -> Values:
        """Positive events within the current session (no pause of 30 minutes since)."""
        return self._column(10)


EMPTY_PAST: Final = Past.of(EMPTY_HISTORY)
