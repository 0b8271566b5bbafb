"""Inner products of a few rows among many, compiled: rows are read where they are, nothing is copied.

Compiled when the module is imported (cached on disk), for read-only arrays too. Sums are added in whatever order is
fastest, the same on every call.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only

__all__ = ["nearest_seeds", "positive_products"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]

_I32: Final = read_only(types.int32)
_F32: Final = read_only(types.float32)
_F32S: Final = read_only(types.float32, 2)
_CODES: Any = types.int32[::1]
_VALUES: Any = types.float32[::1]


@compiled(types.float32(_F32, _F32), reorder=True)
def _product(one: Values, two: Values) -> np.float32:
    total = np.float32(0)
    for place in range(len(two)):
        total += one[place] * two[place]
    return total


@compiled(_VALUES(_F32S, _I32, _F32))
def positive_products(vectors: Values, codes: Codes, query: Values) -> Values:
    """float32[c]: the inner product of a query float32[d] with rows of `vectors: float32[n, d]`, negative ones cut."""
    found = np.empty(len(codes), np.float32)
    for place in range(len(codes)):
        found[place] = max(_product(vectors[codes[place]], query), np.float32(0))
    return found


@compiled(_CODES(_F32S, _I32, _I32))
def nearest_seeds(vectors: Values, codes: Codes, seeds: Codes) -> Codes:
    """int32[c]: of some rows (at least one) that with the largest inner product, of equal ones the first."""
    found = np.empty(len(codes), np.int32)
    for place in range(len(codes)):
        best = np.float32(-np.inf)
        found[place] = seeds[0]
        for seed in seeds:
            product = _product(vectors[codes[place]], vectors[seed])
            if product > best:
                best, found[place] = product, seed
    return found
