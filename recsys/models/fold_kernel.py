"""Solves for the vector of one shopper, compiled: the inner loop of the fold-in.

Compiled when the module is imported (cached on disk), for read-only arrays too. Everything is added up in float64, in
an order that is the same on every call.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only

__all__ = ["folded"]

Codes = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

_F32: Final = read_only(types.float32)
_MATRIX: Any = types.float64[:, ::1]
_VECTOR: Any = types.float64[::1]
_RESULT: Any = types.float32[::1]
_AT_ONCE: Final = 4
"""Rows that are added to, or taken from, another in one pass over it."""


@compiled(types.void(_MATRIX, _MATRIX, _VECTOR), reorder=True)
def _add_squares(left: Numbers, rows: Numbers, weights: Numbers) -> None:
    """Add Σ weight × row ⊗ row to the upper triangle; the rows are a multiple of four."""
    size = len(left)
    for at in range(0, len(rows), _AT_ONCE):
        a, b, c, d = rows[at], rows[at + 1], rows[at + 2], rows[at + 3]
        for row in range(size):
            of_a, of_b = weights[at] * a[row], weights[at + 1] * b[row]
            of_c, of_d = weights[at + 2] * c[row], weights[at + 3] * d[row]
            into = left[row]
            for place in range(row, size):
                into[place] += (of_a * a[place] + of_b * b[place]) + (of_c * c[place] + of_d * d[place])


@compiled(types.boolean(_MATRIX, types.int64, types.int64), reorder=True)
def _factor_rows(left: Numbers, first: int, end: int) -> bool:
    """Turn some rows into those of the Cholesky factor, the rows before being done; False where it has none."""
    size = len(left)
    for row in range(first, end):
        if not left[row, row] > 0:
            return False
        scale = 1 / np.sqrt(left[row, row])
        for place in range(row, size):
            left[row, place] *= scale
        for below in range(row + 1, end):
            share = left[row, below]
            for place in range(below, size):
                left[below, place] -= share * left[row, place]
    return True


@compiled(types.boolean(_MATRIX), reorder=True)
def _factor(left: Numbers) -> bool:
    """The upper triangle U of U.T @ U in place of that of a symmetric matrix; False where it has none."""
    size = len(left)
    whole = size // _AT_ONCE * _AT_ONCE
    for at in range(0, whole, _AT_ONCE):
        if not _factor_rows(left, at, at + _AT_ONCE):
            return False
        a, b, c, d = left[at], left[at + 1], left[at + 2], left[at + 3]
        for row in range(at + _AT_ONCE, size):
            of_a, of_b, of_c, of_d = a[row], b[row], c[row], d[row]
            into = left[row]
            for place in range(row, size):
                into[place] -= (of_a * a[place] + of_b * b[place]) + (of_c * c[place] + of_d * d[place])
    return _factor_rows(left, whole, size)


@compiled(types.void(_MATRIX, _VECTOR), reorder=True)
def _substitute(upper: Numbers, right: Numbers) -> None:
    """Solve U.T @ U @ x = right; x takes the place of the right side."""
    size = len(right)
    for row in range(size):
        right[row] /= upper[row, row]
        for place in range(row + 1, size):
            right[place] -= right[row] * upper[row, place]
    for row in range(size - 1, -1, -1):
        known = 0.0
        for place in range(row + 1, size):
            known += upper[row, place] * right[place]
        right[row] = (right[row] - known) / upper[row, row]


@compiled(
    _RESULT(
        read_only(types.float32, 2), read_only(types.int32), _F32, read_only(types.float64, 2), types.float64
    )
)
def folded(factors: Vectors, items: Codes, values: Vectors, shared: Numbers, alpha: float) -> Vectors:
    """Solve (shared + Σ (c - 1) f ⊗ f) x = Σ c f over items with factors f and confidence c = 1 + alpha log(1 + value).

    `factors: float32[n, d]`, `shared: float64[d, d]`; returns x float32[d], nothing where there is no solution. Only
    the upper triangle is computed (Cholesky; Golub and Van Loan, Matrix Computations, §4.2).
    """
    size = len(shared)
    rows = np.zeros(((len(items) + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE, size))
    weights, left, right = np.zeros(len(rows)), shared.copy(), np.zeros(size)
    for place in range(len(items)):
        confidence = float(np.float32(1.0 + alpha * np.log1p(values[place])))
        weights[place] = confidence - 1.0
        row = factors[items[place]]
        for axis in range(size):
            rows[place, axis] = row[axis]
            right[axis] += confidence * row[axis]
    _add_squares(left, rows, weights)
    if not _factor(left):
        return np.empty(0, np.float32)
    _substitute(left, right)
    return right.astype(np.float32)
