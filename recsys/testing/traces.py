"""Looks for shoppers in files: their ids in any text encoding, and arrays with one row per shopper.

A release must hold neither. Give the shop ids unlike anything else (`shopper-9f…`) and a number of shoppers unlike
any other count, then every finding is a leak.
"""

import gzip
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

__all__ = ["files_naming", "files_shaped"]

_ENCODINGS = ("utf-8", "utf-16-le", "utf-32-le", "utf-32-be")


def files_naming(folder: Path, ids: Iterable[str]) -> list[str]:
    """Relative paths under `folder` (its manifest and hidden files too) whose name or content holds any of the ids.

    Reads raw bytes in the encodings that JSON, numpy and Arrow use, also JSON-escaped, and inside gzip and zip.
    A common start of all ids will do, and is faster than thousands of them.
    """
    texts = {form for name in ids for form in (name, name.encode("unicode_escape").decode())}
    needles = [text.encode(encoding) for text in texts for encoding in _ENCODINGS]
    return [name for name, content in _contents(folder) if any(needle in content for needle in needles)]


def files_shaped(folder: Path, count: int) -> list[str]:
    """Relative paths of `.npy` files with an axis of `count` entries, or of one more (offsets of sparse rows)."""
    paths = sorted(folder.rglob("*.npy"))
    shapes = {path: np.load(path, mmap_mode="r", allow_pickle=False).shape for path in paths}
    return [str(path.relative_to(folder)) for path in paths if {count, count + 1} & set(shapes[path])]


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            yield name, name.encode() + b"\n" + b"\n".join(_layers(path))


def _layers(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    yield raw
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif raw.startswith(b"\x1f\x8b"):
        yield gzip.decompress(raw)
