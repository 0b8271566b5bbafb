"""Where one visit ends and the next begins."""

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions

__all__ = ["SILENCE_MS", "session_codes"]

SILENCE_MS: Final = 30 * 60 * 1000


def session_codes(interactions: Interactions) -> npt.NDArray[np.int64]:
    """Dense session codes int64[n]: the logged one where there is one, else split at 30 minutes of silence."""
    rows = len(interactions)
    breaks = np.ones(rows, bool)
    same_user = interactions.user[1:] == interactions.user[:-1]
    breaks[1:] = ~same_user | (np.diff(interactions.time) > SILENCE_MS)
    inferred = np.cumsum(breaks)
    known = interactions.session >= 0
    raw = np.where(known, interactions.session, inferred + int(interactions.session.max(initial=0)))
    _, dense = np.unique(raw, return_inverse=True)
    return dense.astype(np.int64)
