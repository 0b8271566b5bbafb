"""Arrays of a release with room behind their last row, for items that are born after the release was made.

The file stays one memory-mapped copy for all processes of a machine: it is mapped privately over the start of a larger
empty region, so that only pages which somebody writes to (a newborn's row, a changed item's row) become this process's
own. Invariants: the file is never written; rows behind the file's are 0 until they are written.
"""

import ctypes
import mmap
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import load_array
from recsys.errors import ReleaseCorrupt

__all__ = ["load_with_room", "room_for"]

_MOST: Final = 50_000
_FEWEST: Final = 1_000
_SHARE: Final = 5
_COPIED: Final = 2**20
"""Bytes up to which a copy is simpler and costs nothing."""
_MAP_FIXED: Final = 0x10
"""The same on Linux and macOS; Python's `mmap` does not name it."""


def room_for(items: int) -> int:
    """Items that may be born before the next release: a fifth of those there are, within bounds."""
    return min(_MOST, max(_FEWEST, items // _SHARE))


def load_with_room(folder: Path, name: str, room: int) -> NDArray[Any]:
    """`folder/<name>.npy` with `room` more rows of 0, to be written by this process only.

    Raises ReleaseCorrupt when the file is missing, truncated or a pickle.
    """
    array = load_array(folder, name)
    if array.nbytes <= _COPIED or not array.flags.c_contiguous or not hasattr(mmap, "MAP_ANONYMOUS"):
        return np.concatenate((array, np.zeros((room, *array.shape[1:]), array.dtype)))
    try:
        with (folder / f"{name}.npy").open("rb") as file:
            return _mapped(file, array, room)
    except OSError as error:
        raise ReleaseCorrupt(f"array {name!r} in {folder.name!r} cannot be mapped: {error}") from error


def _mapped(file: BinaryIO, array: NDArray[Any], room: int) -> NDArray[Any]:
    start = _data_starts(file)
    shape = (len(array) + room, *array.shape[1:])
    count = int(np.prod(shape))
    region = mmap.mmap(
        -1, start + count * array.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    )  # lives as long as an array refers to it
    _lay_over(region, file, start + array.nbytes)
    return np.frombuffer(region, array.dtype, count, start).reshape(shape)


def _data_starts(file: BinaryIO) -> int:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    reader(file)
    return file.tell()


def _lay_over(region: mmap.mmap, file: BinaryIO, size: int) -> None:
    """Map a file privately over the start of a region; the last page is 0 behind the file's end."""
    call = ctypes.CDLL(None, use_errno=True).mmap
    call.restype = ctypes.c_void_p
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
    place = ctypes.addressof(ctypes.c_char.from_buffer(region))
    found = call(
        place, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED, file.fileno(), 0
    )
    if found != place:
        raise OSError(ctypes.get_errno(), "mmap")
