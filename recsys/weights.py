"""What an event is worth: strength by behaviour, fading with age; the same numbers in training and in a request.

Interest fades by a power law, as memory does (Anderson and Schooler, "Reflections of the Environment in Memory",
Psychological Science 2, 1991): fast at first and slowly later, so one setting serves shops of sessions and of weekly
baskets where every half-life suits only one (docs/experiments.md).

Ages are measured from the newest event at hand (of the log in training, of the shopper's history in a request), never
from the clock: a list does not change while a shopper is away, and a batch run equals a live answer.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.types import EVENT_CODES, EventType

__all__ = ["DAY_MS", "Behaviour", "event_values", "net_items"]

DAY_MS: Final = 86_400_000

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


class Behaviour(BaseModel):
    """Strength of each event type and how fast it fades."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strengths: Mapping[EventType, float] = _STRENGTHS
    """Worth of one fresh event; negative takes a positive back; types not named count nothing."""
    fade_days: float = Field(default=30.0, gt=0)
    """Days within which an event keeps most of its worth."""
    fade_exponent: float = Field(default=0.5, ge=0)
    """Steepness of the fading after that; 0 = nothing fades."""

    def table(self) -> npt.NDArray[np.float32]:
        """Strengths by event code, float32[event types]."""
        values = np.zeros(len(EVENT_CODES), np.float32)
        for kind, strength in self.strengths.items():
            values[EVENT_CODES[kind]] = strength
        return values


def event_values(
    types: npt.NDArray[np.int8], times: npt.NDArray[np.int64], newest: int, behaviour: Behaviour
) -> npt.NDArray[np.float32]:
    """Value of each event, float32[n]: strength × (1 + age / fade)^(-exponent), ages back from `newest` (ms)."""
    ages = (newest - times) / (behaviour.fade_days * DAY_MS)
    fading = (1.0 + ages) ** -behaviour.fade_exponent
    values: npt.NDArray[np.float32] = (behaviour.table()[types] * fading).astype(np.float32)
    return values


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
