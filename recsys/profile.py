"""What kind of shop a log comes from, told from its own figures: what defaults that depend on the data ask."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.interactions import Interactions
from recsys.types import POSITIVE_TYPES
from recsys.weights import DAY_MS

__all__ = ["Profile"]


@dataclass(frozen=True)
class Profile:
    """Counts and shares over the positive events of a log."""

    events: int
    shoppers: int
    items: int
    sessions: int
    items_per_session: float
    """Mean distinct (session, item) pairs per session."""
    baskets: float
    """Share of the sessions of two items or more whose events all carry one time."""
    repeats: float
    """Share of (shopper, item, session) triples that are not the first of their shopper and item."""
    days: float

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        """Count a log; zeros for an empty one."""
        rows = interactions.of_types(POSITIVE_TYPES)
        if not len(rows):
            return cls(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
        sessions = np.unique(rows.session, return_inverse=True)[1]
        count = int(sessions.max()) + 1
        met = np.unique(sessions.astype(np.int64) * len(rows.items) + rows.item)
        touched = np.unique(rows.user.astype(np.int64) * len(rows.items) + rows.item)
        sizes = np.bincount(met // len(rows.items), minlength=count)
        first, last = np.full(count, rows.time.max()), np.zeros(count, np.int64)
        np.minimum.at(first, sessions, rows.time)
        np.maximum.at(last, sessions, rows.time)
        several = sizes > 1
        return cls(
            events=len(rows),
            shoppers=len(np.unique(rows.user)),
            items=len(np.unique(rows.item)),
            sessions=count,
            items_per_session=float(sizes.mean()),
            baskets=float((first == last)[several].mean()) if several.any() else 0.0,
            repeats=1.0 - len(touched) / len(met),
            days=float(rows.time.max() - rows.time.min()) / DAY_MS,
        )

    def sentence(self) -> str:
        """One line for a person."""
        kind = "baskets" if self.baskets > 0.5 else "sessions"
        return (
            f"a shop of {kind}: {self.events:,} events of {self.shoppers:,} shoppers on {self.items:,} items in "
            f"{self.days:.0f} days, {self.items_per_session:.1f} items a visit, {self.repeats:.0%} of them again"
        )
