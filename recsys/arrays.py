"""Learned state on disk: one `.npy` file per array, one `.json` file per plain value, never a pickle.

Invariants: a file appears whole or not at all (written beside, then renamed), so whoever has mapped the old
file keeps the old content; arrays come back memory-mapped and read-only, so that all processes share pages.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InputError, ReleaseCorrupt

__all__ = ["load_array", "load_json", "save_arrays", "save_json"]


def save_arrays(folder: Path, **arrays: NDArray[Any]) -> None:
    """Write each array to `folder/<name>.npy`; the folder is made when missing.

    Raises InputError for an array of Python objects, which only a pickle could hold.
    """
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise InputError(f"array {name!r} holds Python objects; give it a numeric or text dtype")
    for name, array in arrays.items():
        with _whole_file(folder / f"{name}.npy") as file:
            np.save(file, array, allow_pickle=False)


def load_array(folder: Path, name: str) -> NDArray[Any]:
    """Map `folder/<name>.npy` read-only; raises ReleaseCorrupt when it is missing, truncated or a pickle."""
    path = folder / f"{name}.npy"
    try:
        # A plain view: numpy's memmap subclass costs about a microsecond on every slice.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ReleaseCorrupt(f"array {path.name!r} in {folder.name!r} cannot be read: {error}") from error


def save_json(folder: Path, name: str, value: object) -> None:
    """Write a plain value to `folder/<name>.json`: UTF-8, keys in order, the same bytes for the same value.

    Raises InputError for a value that JSON cannot hold, NaN and infinity included.
    """
    try:
        text = json.dumps(
            value, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name!r} is not a plain JSON value: {error}") from error
    with _whole_file(folder / f"{name}.json") as file:
        file.write(text)


def load_json(folder: Path, name: str) -> Any:
    """Read `folder/<name>.json`; raises ReleaseCorrupt when it is missing or not JSON."""
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ReleaseCorrupt(f"JSON {path.name!r} in {folder.name!r} cannot be read: {error}") from error


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write beside `path` and rename, so that nobody sees half a file and open maps stay valid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
