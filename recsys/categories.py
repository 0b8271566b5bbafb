"""The tree that category paths span: every path and every ancestor of it has a code.

Invariants: a tree never changes (`with_path` returns a larger one), codes stay when it grows, a parent's code
is smaller than its children's, and `ancestors` holds for each node itself and everything above it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from recsys.expressions.paths import join_segments, segments
from recsys.vocabulary import UNKNOWN, Vocabulary

__all__ = ["CategoryTree"]

Segments = tuple[str, ...]


class CategoryTree:
    """Category nodes by code; `paths[code]` is written `Home > Kitchen` whatever spaces the source had."""

    def __init__(self, nodes: Iterable[Segments] = ()) -> None:
        self._codes: dict[Segments, int] = {}
        for node in nodes:
            for depth in range(1, len(node) + 1):
                self._codes.setdefault(node[:depth], len(self._codes))
        self._paths = tuple(join_segments(node) for node in self._codes)
        self._parent = np.array([self._codes.get(node[:-1], UNKNOWN) for node in self._codes], dtype=np.int32)
        self._ancestors = _ancestors(self._codes)

    @classmethod
    def build(cls, paths: Iterable[str]) -> Self:
        """The tree of the given paths, codes in order of first appearance."""
        return cls(map(segments, paths))

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def paths(self) -> Sequence[str]:
        """The written path of every node, by code."""
        return self._paths

    @property
    def parent(self) -> npt.NDArray[np.int32]:
        """int32[n_categories]: the code one level up, -1 for a top category."""
        return self._parent

    @property
    def ancestors(self) -> npt.NDArray[np.int32]:
        """int32[n_categories, depth]: codes from the top category to the node itself, padded with -1."""
        return self._ancestors

    def code(self, path: str) -> int:
        """The code of a path, -1 when no category has it."""
        return self._codes.get(segments(path), UNKNOWN)

    def under(self, path: str) -> npt.NDArray[np.bool_]:
        """bool[n_categories]: the category of that path and all below it; all False for an unknown path."""
        code = self.code(path)
        if code == UNKNOWN:
            return np.zeros(len(self), dtype=np.bool_)
        matches: npt.NDArray[np.bool_] = (self._ancestors == code).any(axis=1)
        return matches

    def with_path(self, path: str) -> "CategoryTree":
        """This tree, or a larger one in which `path` has a code; existing codes stay."""
        if not segments(path) or self.code(path) != UNKNOWN:
            return self
        return CategoryTree([*self._codes, segments(path)])

    def save(self, folder: Path) -> None:
        """Write the paths in code order."""
        Vocabulary(self._paths).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the same codes."""
        return cls.build(Vocabulary.load(folder).ids)


def _ancestors(codes: dict[Segments, int]) -> npt.NDArray[np.int32]:
    depth = max(map(len, codes), default=0)
    table = np.full((len(codes), depth), UNKNOWN, dtype=np.int32)
    for node, code in codes.items():
        if len(node) > 1:
            table[code] = table[codes[node[:-1]]]
        table[code, len(node) - 1] = code
    return table
