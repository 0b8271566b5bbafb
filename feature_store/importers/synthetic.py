"""Times for data sets that have none: increasing, and marked so that no protocol mistakes them for real ones."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MARK", "NOTE", "start_of"]

_BEGINNING: Final = 1_577_836_800_000  # 2020-01-01T00:00:00Z, an arbitrary but fixed day
MARK: Final = '{"synthetic_time":true}'
"""The `context` of every event whose time is made up; temporal protocols refuse a log that holds it."""
NOTE: Final = "times are synthetic (order only): protocols that split by time refuse this data"


def start_of(number: NDArray[np.int64], step_ms: int) -> NDArray[np.int64]:
    """The time of the n-th thing, `step_ms` after the one before it."""
    return _BEGINNING + number * step_ms
