"""The weighted sum over the sources, and who adds most to it, compiled: the inner loops of `blend` and `reasons`.

Compiled when the module is imported (cached on disk), for read-only arrays too. Nothing is kept between calls.
Arithmetic is float32, one source after the other.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only

__all__ = ["NOBODY", "anything_said", "lifted_sums", "strongest"]

Values = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

NOBODY: Final = -1
_F32: Final = read_only(types.float32)
_F32S: Final = read_only(types.float32, 2)
_I64: Final = read_only(types.int64)
_VALUES: Any = types.float32[::1]
_LONG: Any = types.int64[::1]


@compiled(_VALUES(_F32S, _F32, _F32, types.float32, types.float32))
def lifted_sums(said: Matrix, weights: Values, trend: Values, floor: float, exponent: float) -> Values:
    """Σ weight × what a source says, times (trend + floor) ^ exponent, float32[c] of `said: float32[sources, c]`."""
    total = np.zeros(len(trend), np.float32)
    for source in range(len(weights)):
        weight = weights[source]
        if weight != 0:
            for place in range(len(trend)):
                total[place] += weight * said[source, place]
    for place in range(len(trend)):
        total[place] *= (trend[place] + floor) ** exponent
    return total


@compiled(_LONG(_F32S, _F32, _I64))
def strongest(said: Matrix, weights: Values, rows: Rows) -> Rows:
    """The source that adds most to each of some candidates, int64[k], of equal ones the first; -1 where none adds.

    `rows: int64[k]` are columns of `said: float32[sources, c]`; one below 0 is a candidate nobody speaks of.
    """
    found = np.empty(len(rows), np.int64)
    for place in range(len(rows)):
        most, winner = np.float32(0), NOBODY
        if rows[place] >= 0:
            for source in range(len(weights)):
                added = weights[source] * said[source, rows[place]]
                if added > most:
                    most, winner = added, source
        found[place] = winner
    return found


@compiled(types.boolean(_F32S, _I64, types.int64))
def anything_said(said: Matrix, rows: Rows, but: int) -> bool:
    """Whether any source but one has something to say of any of some candidates, given as in `strongest`."""
    for source in range(len(said)):
        if source != but:
            for row in rows:
                if row >= 0 and said[source, row] != 0:
                    return True
    return False
