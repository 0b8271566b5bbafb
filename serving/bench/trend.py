"""Whether a quantity grows: a straight line through its samples, with the error of its slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

__all__ = ["Trend"]

_FEWEST: Final = 3
_SURE: Final = 2.0
"""Standard errors to either side that the slope is taken to lie in."""
_LITTLE: Final = 0.01


@dataclass(frozen=True)
class Trend:
    """A least-squares line. Samples are taken to be independent, so take them far apart."""

    samples: int
    mean: float
    per_hour: float
    error: float
    """Standard error of `per_hour`."""
    growth: float
    """By the line, from the first sample to the last, as a share of the mean."""

    @classmethod
    def of(cls, seconds: Sequence[float], values: Sequence[float]) -> Self | None:
        """The trend of values at moments; None of fewer than three."""
        if len(values) < _FEWEST:
            return None
        hours, found = np.array(seconds) / 3600, np.array(values, np.float64)
        away = hours - hours.mean()
        spread = float(away @ away)
        mean = float(found.mean())
        slope = float(away @ found) / spread
        rest = found - mean - slope * away
        error = float(np.sqrt(rest @ rest / (len(found) - 2) / spread))
        return cls(len(found), mean, slope, error, slope * float(np.ptp(hours)) / max(mean, 1e-9))

    @property
    def flat(self) -> bool:
        """Whether it may as well not grow, or grew by less than a hundredth meanwhile."""
        return self.per_hour <= _SURE * self.error or self.growth < _LITTLE
