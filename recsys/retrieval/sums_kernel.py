"""Adds up neighbour lists of a few seeds, compiled: what `together` and `linked` say of a request."""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.table_kernel import Table, new_table, row_of

__all__ = ["Summed", "summed"]

Codes = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]
Summed = tuple[Codes, Values, Codes, Table]
"""Distinct items as they were met, scores with the best at 1, rank of the seed that gave most; and their table."""


_I32, _I64, _F32 = read_only(types.int32), read_only(types.int64), read_only(types.float32)
_SUMMED: Final = tuple_of(types.int32[::1], types.float32[::1], types.int32[::1], types.int64[::1])


@compiled(_SUMMED(_I32, _F32, _I64, _I32, _F32))
def summed(seeds: Codes, seed_weights: Values, indptr: Offsets, indices: Codes, weights: Values) -> Summed:
    """Sum over seeds of seed weight × neighbour weight, for lists as CSR; scaled so that the best item has 1.

    Parts are rounded to float32 and added in float64 in the order of the lists. Of two seeds that gave an item as
    much, the later one speaks for it.
    """
    most = 0
    for seed in seeds:
        most += indptr[seed + 1] - indptr[seed]
    table = new_table(min(most, len(indptr)))
    codes, ranks = np.empty(most, np.int32), np.empty(most, np.int32)
    largest, totals = np.empty(most, np.float32), np.zeros(most, np.float64)
    count = 0
    for rank in range(len(seeds)):
        for entry in range(indptr[seeds[rank]], indptr[seeds[rank] + 1]):
            part = weights[entry] * seed_weights[rank]
            row = row_of(table, indices[entry], count)
            if row == count:
                codes[row], largest[row], ranks[row] = indices[entry], part, rank
                count += 1
            elif part >= largest[row]:
                largest[row], ranks[row] = part, rank
            totals[row] += part
    values = totals[:count].astype(np.float32)
    best = np.float32(1e-12)
    for value in values:
        best = max(best, value)
    for row in range(count):
        values[row] /= best
    return codes[:count], values, ranks[:count], table
