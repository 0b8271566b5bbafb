"""Two steps of a random walk, one start at a time: the inner loop of linked items, compiled.

Invariant: a row's result depends on that row alone, summed in the order of the input, so it is the same on every run.
"""

import numpy as np
import numpy.typing as npt

from recsys.compiled import compiled
from recsys.models.top_kernel import largest, reached_places

__all__ = ["best_ways"]

Rows = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]
"""CSR: (indptr, indices, data)."""


@compiled()
def best_ways(
    back: Rows, onwards: Rows, damping: npt.NDArray[np.float32], most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The `most` largest of `damping` × (back · onwards) in every row, the diagonal left out.

    `back` is items × shoppers, `onwards` shoppers × items. Returns how many each row has int64[n], and their codes
    int32[n, most] and weights float32[n, most] in no order; of equal weights at the border the lowest codes stay.
    """
    n = len(damping)
    counts = np.zeros(n, np.int64)
    codes = np.zeros((n, most), np.int32)
    weights = np.zeros((n, most), np.float32)
    row = np.zeros(n, np.float32)
    reached = np.empty(n, np.int32)
    for start in range(n):
        found = _reach(back, onwards, start, row, reached)
        ends = reached_places(row, reached, found)
        ways = row[ends] * damping[ends]
        row[ends] = 0
        kept = largest(ways, most)
        counts[start] = len(kept)
        codes[start, : len(kept)] = ends[kept]
        weights[start, : len(kept)] = ways[kept]
    return counts, codes, weights


@compiled()
def _reach(
    back: Rows, onwards: Rows, start: int, row: npt.NDArray[np.float32], reached: npt.NDArray[np.int32]
) -> int:
    """Add the ways from `start` into `row` and list their ends in `reached`; returns how many there are."""
    found = 0
    for place in range(back[0][start], back[0][start + 1]):
        shopper, share = back[1][place], back[2][place]
        for onward in range(onwards[0][shopper], onwards[0][shopper + 1]):
            end = onwards[1][onward]
            if end == start:
                continue
            if row[end] == 0:
                reached[found] = end
                found += 1
            row[end] += share * onwards[2][onward]
    return found
