"""Character n-grams of many short texts at once, for languages with and without spaces between words.

Invariants: an n-gram never crosses a word; a word's first and last characters also count with a space beside
them; case, full-width forms and punctuation make no difference. An n-gram is known by a 64-bit key of its
characters, which is the same in every process.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grams", "find_grams", "gram_keys", "normalise", "unify"]

SIZES: Final = (2, 3, 4)

_NO_WORD = re.compile(r"[\W_]+")
_SPACE: Final = ord(" ")
# An odd multiplier with well spread bits; a million n-grams share a key once in some 10^7 vocabularies.
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)


@dataclass(frozen=True)
class Grams:
    """Every occurrence of an n-gram, as aligned columns; `text[start : start + size]` spells it."""

    text: str
    """All normalised texts, one after the other."""
    key: NDArray[np.uint64]
    row: NDArray[np.int32]
    """Which text it occurs in."""
    start: NDArray[np.int64]
    size: NDArray[np.int8]


def unify(text: str) -> str:
    """Lower case and compatibility forms unified (Ａ to a, ㎏ to kg)."""
    return unicodedata.normalize("NFKC", text).casefold()


def normalise(text: str) -> str:
    """The unified text as words of letters and digits between single spaces, one at each end."""
    return f" {_NO_WORD.sub(' ', unify(text)).strip()} "


def find_grams(texts: Sequence[str]) -> Grams:
    """All n-grams of 2 to 4 characters of each text, repeats included, grouped by size."""
    normal = [normalise(text) for text in texts]
    joined = "".join(normal)
    points = _code_points(joined)
    row_of = np.repeat(np.arange(len(normal), dtype=np.int32), [len(text) for text in normal])
    starts = [_starts(points, size) for size in SIZES]
    start = np.concatenate(starts)
    return Grams(
        text=joined,
        key=np.concatenate([_keys(points, at, size) for at, size in zip(starts, SIZES, strict=True)]),
        row=row_of[start],
        start=start,
        size=np.repeat(np.array(SIZES, dtype=np.int8), [len(at) for at in starts]),
    )


def gram_keys(grams: Sequence[str]) -> NDArray[np.uint64]:
    """The keys of n-grams given as strings of 2 to 4 characters: uint64[n]."""
    keys = np.zeros(len(grams), dtype=np.uint64)
    lengths = np.array([len(gram) for gram in grams], dtype=np.int64)
    offsets = np.cumsum(lengths) - lengths
    points = _code_points("".join(grams))
    for size in SIZES:
        of_size = lengths == size
        keys[of_size] = _keys(points, offsets[of_size], size)
    return keys


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _starts(points: NDArray[np.uint32], size: int) -> NDArray[np.int64]:
    """Where a window of `size` lies within one padded word: no space inside, and not only spaces."""
    count = max(len(points) - size + 1, 0)
    space = points == _SPACE
    broken = space[:count] & space[1 : 1 + count]
    for offset in range(1, size - 1):
        broken |= space[offset : offset + count]
    return np.flatnonzero(~broken)


def _keys(points: NDArray[np.uint32], starts: NDArray[np.int64], size: int) -> NDArray[np.uint64]:
    keys = np.full(len(starts), size, dtype=np.uint64)
    for offset in range(size):
        keys = (keys ^ points[starts + offset]) * _MULTIPLIER
        keys ^= keys >> _SHIFT
    return keys
