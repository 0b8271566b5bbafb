"""Which entries of a row are its largest: compiled, and the same on every run."""

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.compiled import compiled

__all__ = ["largest", "reached_places"]


@compiled()
def largest(weights: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.int64]:
    """Positions of the `most` largest weights, ascending; the first ones of those that equal the last."""
    if len(weights) <= most:
        return np.arange(len(weights))
    border = np.partition(weights, len(weights) - most)[len(weights) - most]
    room = most - np.count_nonzero(weights > border)
    kept = np.empty(most, np.int64)
    count = 0
    for place in range(len(weights)):
        if weights[place] > border or (weights[place] == border and room > 0):
            room -= weights[place] == border
            kept[count] = place
            count += 1
    return kept


@compiled()
def reached_places(
    row: npt.NDArray[Any], reached: npt.NDArray[np.int32], found: int
) -> npt.NDArray[np.int32]:
    """The `found` places of `row` that are not zero, ascending; `reached` lists them in any order.

    Sorting more than a sixteenth of a row costs more than looking at all of it.
    """
    if found * 16 > len(row):
        return np.flatnonzero(row).astype(np.int32)
    return np.sort(reached[:found])
