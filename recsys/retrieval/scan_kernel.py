"""Inner products with item vectors and the best of them, compiled: the exact search that needs no FAISS.

Vectors in falling order of length let a search stop early: an inner product is never above the product of both lengths
(Cauchy-Schwarz), so once that is below the k-th best score, nothing later can enter (Teflioudi, Gemulla, Mykytiuk,
"LEMP: Fast Retrieval of Large Entries in a Matrix Product", SIGMOD 2015, §3). Factor models make long vectors for what
many want, so a tenth of a catalogue decides.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.choice_kernel import FLAGS, is_in, kept, offer

__all__ = ["dots", "scan_falling", "scan_some"]

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]

_ROUNDING: Final = 1.00002
"""More than a bound can be below an inner product by rounding."""

_READ_CODES: Final = read_only(types.int32)
_READ_VALUES: Final = read_only(types.float32)
_READ_ROWS: Final = read_only(types.float32, 2)
_VALUES: Final = types.float32[::1]
_FOUND: Final = tuple_of(types.float32[::1], types.int32[::1])
_FOUND_AND_SEEN: Final = tuple_of(types.float32[::1], types.int32[::1], types.int64)


@compiled(types.float32(_READ_ROWS, types.int64, _READ_VALUES), reorder=True)
def _dot(rows: Values, row: int, query: Values) -> Any:
    total = np.float32(0)
    for place in range(len(query)):
        total += rows[row, place] * query[place]
    return total


@compiled(_VALUES(_READ_ROWS, _READ_CODES, _READ_VALUES))
def dots(rows: Values, codes: Codes, query: Values) -> Values:
    """Inner product float32[c] of one query with the rows `codes`; equal rows score exactly equal."""
    products = np.empty(len(codes), np.float32)
    for place in range(len(codes)):
        products[place] = _dot(rows, codes[place], query)
    return products


@compiled(_FOUND(_READ_ROWS, _READ_CODES, _READ_CODES, _READ_VALUES, types.int64))
def scan_some(rows: Values, codes: Codes, hidden: Codes, query: Values, most: int) -> tuple[Values, Codes]:
    """The `most` best of the rows `codes` less those in `hidden` (both ascending): scores and codes, best first."""
    size = min(most, len(codes))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count = 0
    for code in codes:
        if len(hidden) == 0 or not is_in(hidden, code):
            count = offer(scores, found, count, _dot(rows, code, query), code)
    return kept(scores, found, count)


@compiled(
    _FOUND_AND_SEEN(_READ_ROWS, _READ_CODES, _READ_VALUES, FLAGS, _READ_CODES, _READ_VALUES, types.int64)
)
def scan_falling(
    rows: Values, codes: Codes, lengths: Values, flags: Flags, hidden: Codes, query: Values, most: int
) -> tuple[Values, Codes, int]:
    """The `most` best items, scores and codes, best first; and how many rows had to be looked at.

    `rows: float32[n, d]` fall in length, `codes: int32[n]` says whose they are; only items flagged and not in `hidden`
    (ascending) may be found; empty `flags` allow all.
    """
    size = min(most, len(codes))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count, row = 0, 0
    if size == 0:
        return scores, found, 0
    reach = np.float32(np.sqrt(np.float64((query * query).sum())) * _ROUNDING)
    while row < len(codes):
        if count == size and reach * lengths[row] < scores[0]:
            break
        code = codes[row]
        if (len(flags) == 0 or flags[code]) and (len(hidden) == 0 or not is_in(hidden, code)):
            score = _dot(rows, row, query)
            if count < size or score >= scores[0]:
                count = offer(scores, found, count, score, code)
        row += 1
    best, best_codes = kept(scores, found, count)
    return best, best_codes, row
