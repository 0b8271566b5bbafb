"""What an event is worth: strength by behaviour, fading with age; the same numbers in training and in a request.

Interest fades by a power law, as memory does (Anderson and Schooler, "Reflections of the Environment in Memory",
Psychological Science 2, 1991): fast at first and slowly later, so one setting serves shops of sessions and of weekly
baskets where every half-life suits only one (docs/experiments.md).

Ages are measured from the newest event at hand (of the log in training, of the shopper's history in a request), never
from the clock: a list does not change while a shopper is away, and a batch run equals a live answer.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.types import EVENT_CODES, EventType

__all__ = ["DAY_MS", "HOUR_MS", "Behaviour", "Fading", "busy_share", "event_values", "net_items"]

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000

_STRENGTHS: Final[Mapping[EventType, float]] = {
    EventType.VIEW: 0.2,
    EventType.CLICK: 0.2,
    EventType.SHARE: 0.3,
    EventType.FAVORITE: 0.5,
    EventType.CART: 0.6,
    EventType.PURCHASE: 1.0,
    EventType.UNCART: -0.6,
    EventType.CANCEL: -1.0,
    EventType.RETURN: -1.0,
}


class Fading(BaseModel):
    """A power law: worth × (1 + age / days)^(-exponent)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    days: float = Field(default=30.0, gt=0)
    """Days within which an event keeps most of its worth."""
    exponent: float = Field(default=0.5, ge=0)
    """Steepness after that; 0 = nothing fades."""

    def __str__(self) -> str:
        return f"(1 + age / {self.days:g} d)^-{self.exponent:g}"


class Behaviour(BaseModel):
    """Strength of each event type and how fast it fades."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strengths: Mapping[EventType, float] = _STRENGTHS
    """Worth of one fresh event; negative takes a positive back; types not named count nothing."""
    fading: Fading = Fading()
    """How fast events fade in models; what a shopper's own list forgets is `retrieval.own_fading`."""

    def table(self) -> npt.NDArray[np.float32]:
        """Strengths by event code, float32[event types]."""
        values = np.zeros(len(EVENT_CODES), np.float32)
        for kind, strength in self.strengths.items():
            values[EVENT_CODES[kind]] = strength
        return values


def event_values(
    types: npt.NDArray[np.int8],
    times: npt.NDArray[np.int64],
    newest: int,
    behaviour: Behaviour,
    fading: Fading | None = None,
) -> npt.NDArray[np.float32]:
    """Value of each event, float32[n]: strength × (1 + age / days)^(-exponent), ages back from `newest` (ms)."""
    law = behaviour.fading if fading is None else fading
    worth = (1.0 + (newest - times) / (law.days * DAY_MS)) ** -law.exponent
    values: npt.NDArray[np.float32] = (behaviour.table()[types] * worth).astype(np.float32)
    return values


def busy_share(groups: npt.NDArray[Any], most: float) -> npt.NDArray[np.float64]:
    """Share float64[n] of each row such that no group's rows weigh more together than `most` times the median one's.

    `groups: int[n]` says the group of each row: a campaign day or an eager shopper counts no more than a busy one.
    """
    _, group, rows = np.unique(groups, return_inverse=True, return_counts=True)
    usual = float(np.median(rows)) if len(rows) else 0.0
    share: npt.NDArray[np.float64] = np.minimum(1.0, most * usual / np.maximum(rows, 1))[group]
    return share


def net_items(
    items: npt.NDArray[np.int32], values: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Sum values per item: (codes ascending int32[m], sums float32[m]), only sums above 0.

    A return is younger than its purchase and so outweighs it: what was given back leaves no interest.
    """
    codes, inverse = np.unique(items, return_inverse=True)
    sums = np.bincount(inverse, weights=values, minlength=len(codes)).astype(np.float32)
    kept = sums > 0
    return codes[kept].astype(np.int32), sums[kept]
