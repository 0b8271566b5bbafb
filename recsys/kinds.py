"""Event types as tables by event code: `POSITIVE[log.type]` says of each row whether it is of those types."""

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.types import EVENT_CODES, NEGATIVE_TYPES, POSITIVE_TYPES, EventType

__all__ = ["NEGATIVE", "POSITIVE", "table"]


def table(*types: EventType) -> npt.NDArray[np.bool_]:
    """Whether each event code is one of `types`, bool[event types]."""
    return np.array([kind in types for kind in EVENT_CODES], np.bool_)


POSITIVE: Final = table(*POSITIVE_TYPES)
"""What says that a shopper wants an item."""
NEGATIVE: Final = table(*NEGATIVE_TYPES)
"""What takes it back."""
