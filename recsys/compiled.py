"""Functions compiled by numba, kept on disk where a folder for them can be written, else compiled at each start."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types

__all__ = ["compiled", "read_only", "tuple_of"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def read_only(kind: types.Type, axes: int = 1) -> types.Type:
    """The type of a C-contiguous array that may be memory-mapped; arrays that can be written fit as well."""
    return types.Array(kind, axes, "C", readonly=True)


def tuple_of(*parts: Any) -> Any:
    """The type of a tuple of these types."""
    return types.Tuple(parts)  # type: ignore[no-untyped-call]


def compiled(signature: Any = None, *, reorder: bool = False) -> Callable[[Kernel], Kernel]:
    """Compile a function without Python's lock: at import for `signature`, at the first call without one.

    With `reorder` sums may be added in another order, as wide registers do; the order is the same on every call.
    """
    freely: bool | set[str] = {"reassoc", "contract"} if reorder else False

    def decorate(function: Kernel) -> Kernel:
        made: Any
        try:
            made = numba.njit(signature, cache=True, nogil=True, fastmath=freely)(function)
        except RuntimeError:  # neither __pycache__, ~/.cache nor NUMBA_CACHE_DIR can be written
            made = numba.njit(signature, nogil=True, fastmath=freely)(function)
        kernel: Kernel = made
        return kernel

    return decorate
