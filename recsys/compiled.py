"""Functions compiled by numba, kept on disk where a folder for them can be written, else compiled at each start."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["compiled"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


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
