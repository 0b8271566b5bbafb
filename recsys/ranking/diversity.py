"""Maximal marginal relevance: each next item is good and unlike those before it.

Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["diversify"]

_WINDOW: Final = 4
"""Places considered per place asked for: what is far below is not worth its difference."""


def diversify(
    scores: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32], num: int, diversity: float
) -> npt.NDArray[np.int64]:
    """Positions int64[c] of candidates in their new order; the first `num` trade score for difference.

    `scores: float32[c]` best first, `vectors: float32[c, d]` of length 1, `diversity` in [0, 1]: 0 keeps the order.
    """
    order = np.arange(len(scores))
    window = order[: _WINDOW * num]
    if diversity <= 0 or len(window) < 2:
        return order
    gain = (1.0 - diversity) * _unit_range(scores[window])
    nearest = np.zeros(len(window), np.float32)
    left = np.ones(len(window), bool)
    chosen: list[int] = []
    for _ in range(min(num, len(window))):
        best = int(np.argmax(np.where(left, gain - diversity * nearest, -np.inf)))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors[window] @ vectors[window[best]])
    rest = np.concatenate((window[left], order[len(window) :]))
    return np.concatenate((np.array(chosen, np.int64), rest))


def _unit_range(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    low, high = float(scores.min()), float(scores.max())
    scaled: npt.NDArray[np.float32] = ((scores - low) / max(high - low, 1e-12)).astype(np.float32)
    return scaled
