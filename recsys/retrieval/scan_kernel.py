"""Inner products with item vectors and the best of them, compiled: what every search's answer is made of."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.choice_kernel import is_in, kept, offer

__all__ = ["dot", "dots", "scan_some"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]

_READ_CODES: Final = read_only(types.int32)
_READ_VALUES: Final = read_only(types.float32)
_READ_ROWS: Final = read_only(types.float32, 2)
_VALUES: Final = types.float32[::1]
_FOUND: Final = tuple_of(types.float32[::1], types.int32[::1])


@compiled(types.float32(_READ_ROWS, types.int64, _READ_VALUES), reorder=True)
def dot(rows: Values, row: int, query: Values) -> Any:
    """Inner product of one row with a query."""
    total = np.float32(0)
    for place in range(len(query)):
        total += rows[row, place] * query[place]
    return total


@compiled(_VALUES(_READ_ROWS, _READ_CODES, _READ_VALUES))
def dots(rows: Values, codes: Codes, query: Values) -> Values:
    """Inner product float32[c] of one query with the rows `codes`; equal rows score exactly equal."""
    products = np.empty(len(codes), np.float32)
    for place in range(len(codes)):
        products[place] = dot(rows, codes[place], query)
    return products


@compiled(_FOUND(_READ_ROWS, _READ_CODES, _READ_CODES, _READ_VALUES, types.int64))
def scan_some(rows: Values, codes: Codes, hidden: Codes, query: Values, most: int) -> tuple[Values, Codes]:
    """The `most` best of the rows `codes` less those in `hidden` (both ascending): scores and codes, best first."""
    size = min(most, len(codes))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count = 0
    for code in codes:
        if len(hidden) == 0 or not is_in(hidden, code):
            count = offer(scores, found, count, dot(rows, code, query), code)
    return kept(scores, found, count)
