"""Functions compiled by numba, kept on disk where a folder for them can be written, else compiled at each start."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["compiled"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(signature: Any = None) -> Callable[[Kernel], Kernel]:
    """Compile a function without Python's lock: at import for `signature`, at the first call without one."""

    def decorate(function: Kernel) -> Kernel:
        made: Any
        try:
            made = numba.njit(signature, cache=True, nogil=True)(function)
        except RuntimeError:  # neither __pycache__, ~/.cache nor NUMBA_CACHE_DIR can be written
            made = numba.njit(signature, nogil=True)(function)
        kernel: Kernel = made
        return kernel

    return decorate
