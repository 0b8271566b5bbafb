"""Orders candidates by falling score, and follows them through an order, compiled: the inner loops of `order`.

Compiled when the module is imported (cached on disk), for read-only arrays too. Nothing is kept between calls.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of

__all__ = ["columns_of", "distinct", "falling_keys", "in_order_of"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

_I32: Final = read_only(types.int32)
_F32: Final = read_only(types.float32)
_CODES: Any = types.int32[::1]
_VALUES: Final = types.float32[::1]
_LONG: Any = types.int64[::1]
_MATRIX: Any = types.float32[:, ::1]
_RANKED: Final = tuple_of(_CODES, _VALUES, _LONG)

_LAST: Final = np.int64(2**31 - 1)
_ROW: Final = np.int64(2**32 - 1)


@compiled(_CODES(_CODES))
def distinct(codes: Codes) -> Codes:
    """The distinct ones of ascending codes, in their own place."""
    count = 0
    for code in codes:
        if count == 0 or codes[count - 1] != code:
            codes[count] = code
            count += 1
    return codes[:count]


@compiled(_LONG(_F32))
def falling_keys(scores: Values) -> Keys:
    """Numbers int64[c] whose rising order is that of falling scores, equal ones by row; what is no number is last.

    The bits of a float, read as an integer, rise with it where it is positive and fall where it is not.
    """
    keys = np.empty(len(scores), np.int64)
    bits = (scores + np.float32(0)).view(np.int32)  # -0 becomes 0
    for row in range(len(scores)):
        rising = np.int64(bits[row]) if bits[row] >= 0 else np.int64(bits[row] ^ np.int32(0x7FFFFFFF))
        falling = _LAST if np.isnan(scores[row]) else ~rising
        keys[row] = (falling << 32) | row
    return keys


@compiled(_RANKED(_LONG, _I32, _F32))
def in_order_of(keys: Keys, codes: Codes, scores: Values) -> tuple[Codes, Values, Rows]:
    """Codes, scores and rows in the order of sorted keys."""
    size = len(keys)
    ranked, falling, rows = np.empty(size, np.int32), np.empty(size, np.float32), np.empty(size, np.int64)
    for place in range(size):
        row = keys[place] & _ROW
        ranked[place], falling[place], rows[place] = codes[row], scores[row], row
    return ranked, falling, rows


@compiled(_MATRIX(read_only(types.float32, 2), read_only(types.int64)))
def columns_of(matrix: Matrix, rows: Rows) -> Matrix:
    """The columns of `matrix: float32[f, c]` named by `rows: int64[k]`, float32[f, k]; 0 for one below 0."""
    found = np.empty((len(matrix), len(rows)), np.float32)
    for feature in range(len(matrix)):
        for place in range(len(rows)):
            found[feature, place] = matrix[feature, rows[place]] if rows[place] >= 0 else np.float32(0)
    return found
