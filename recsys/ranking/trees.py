"""Adds up the leaves of boosted trees over a feature matrix, compiled by numba: 0.025 ms for 200 rows and 80 trees.

Nothing branches on a row's values. Every split of a tree is compared with a whole column at once, and each comparison
that sends a row to the right strikes the leaves on the left from the row's set; of those that remain, the leftmost is
the row's own (QuickScorer: Lucchese et al., "QuickScorer: A Fast Algorithm to Rank Documents with Additive Ensembles
of Regression Trees", SIGIR 2015, with the loops exchanged so that the processor takes several rows a step). Sets are
as narrow as the largest tree allows, which is how many rows such a step takes; four splits are compared in one pass
over the rows, and the rows are filled up to whole steps, so that nothing is left over.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only

__all__ = ["MOST_LEAVES", "Splits", "chances", "leaf_sums", "splits_of"]

Numbers = npt.NDArray[np.float64]
Sets = npt.NDArray[np.unsignedinteger[Any]]

MOST_LEAVES: Final = 64
"""Leaves a tree may have: one bit each."""
_AT_ONCE: Final = 4
"""Splits compared in one pass over the rows."""
_STEP: Final = 32
"""Rows are a multiple of this: what the widest registers hold of the narrowest sets."""
_BITS: Final = 2**64 - 1
_SEQUENCE: Final = np.uint64(0x03F79D71B4CB0A89)
"""A de Bruijn sequence: shifted by n its six highest bits are another number for every n, which names bit n (Leiserson,
Prokop and Randall, "Using de Bruijn Sequences to Index a 1 in a Computer Word", 1998)."""
_HIGHEST: Final = np.uint64(58)
_ONE: Final = np.uint64(1)


@dataclass(frozen=True)
class Splits:
    """All splits, tree after tree, in any order within a tree; those of a tree are a multiple of four, and one that is
    there for that reason alone strikes nothing."""

    starts: npt.NDArray[np.int32]
    """int32[trees + 1]: where the splits of each tree begin."""
    features: npt.NDArray[np.int32]
    thresholds: npt.NDArray[np.float32]
    strikes: Sets
    """The leaves, one bit each from the left, that a row above the threshold cannot reach: uint16, uint32 or uint64, as
    the largest tree needs."""
    leaves: Numbers
    """float64[trees, 64] by the number that the de Bruijn sequence gives a leaf's bit."""


def splits_of(
    roots: npt.NDArray[np.int32],
    features: npt.NDArray[np.int16],
    thresholds: npt.NDArray[np.float32],
    children: npt.NDArray[np.int32],
    leaves: Numbers,
) -> Splits:
    """From nodes as `recsys.ranking.ranker.Trees` has them; ValueError for a tree with more than 64 leaves."""
    sides = children.tolist()
    split_on: list[int] = []
    above: list[float] = []
    strikes: list[int] = []
    most = 0
    table = np.zeros((len(roots), MOST_LEAVES))

    def number(tree: int, node: int, first: int) -> int:
        """Number the leaves under a node from `first` on, from the left; returns the next number."""
        if node >= 0:
            middle = number(tree, sides[node][0], first)
            split_on.append(int(features[node]))
            above.append(float(thresholds[node]))
            strikes.append((1 << middle) - (1 << first))
            return number(tree, sides[node][1], middle)
        if first == MOST_LEAVES:
            raise ValueError(f"tree {tree} of the ranker has more than {MOST_LEAVES} leaves")
        name = (int(_SEQUENCE) << first & _BITS) >> int(_HIGHEST)
        table[tree, name] = leaves[~node]
        return first + 1

    starts = [0]
    for tree, root in enumerate(roots.tolist()):
        most = max(most, number(tree, root, 0))
        spare = -len(strikes) % _AT_ONCE
        split_on += [0] * spare
        above += [np.inf] * spare
        strikes += [0] * spare
        starts.append(len(strikes))
    return Splits(
        np.array(starts, np.int32),
        np.array(split_on, np.int32),
        np.array(above, np.float32),
        np.array(strikes, np.uint16 if most <= 16 else np.uint32 if most <= 32 else np.uint64),
        table,
    )


# What numba's stubs cannot say: a type that is called with argument types is a signature.
_RESULT: Any = types.float64[::1]
_SUMS: Any = [
    _RESULT(
        types.int32[::1],
        types.int32[::1],
        types.float32[::1],
        sets[::1],
        types.float64[:, ::1],
        read_only(types.float32, 2),
    )
    for sets in (types.uint16, types.uint32, types.uint64)
]


@compiled(_SUMS)
def leaf_sums(
    starts: npt.NDArray[np.int32],
    features: npt.NDArray[np.int32],
    thresholds: npt.NDArray[np.float32],
    strikes: Sets,
    leaves: Numbers,
    matrix: npt.NDArray[np.float32],
) -> Numbers:
    """Sum of the leaves float64[c] of each column of `matrix: float32[features, c]`; the others are `Splits`."""
    count = matrix.shape[1]
    whole = (count + _STEP - 1) // _STEP * _STEP
    columns = np.empty((len(matrix), whole), np.float32)
    for feature in range(len(matrix)):
        columns[feature, :count] = matrix[feature]
        columns[feature, count:] = 0
    totals = np.zeros(count)
    struck, nothing = np.empty(whole, strikes.dtype), strikes.dtype.type(0)
    for tree in range(len(starts) - 1):
        struck[:] = nothing
        for one in range(starts[tree], starts[tree + 1], _AT_ONCE):
            two, three, four = one + 1, one + 2, one + 3
            a, b = columns[features[one]], columns[features[two]]
            c, d = columns[features[three]], columns[features[four]]
            over_a, over_b, over_c, over_d = (
                thresholds[one],
                thresholds[two],
                thresholds[three],
                thresholds[four],
            )
            out_a, out_b, out_c, out_d = strikes[one], strikes[two], strikes[three], strikes[four]
            for row in range(whole):
                struck[row] |= (
                    (out_a if a[row] > over_a else nothing)
                    | (out_b if b[row] > over_b else nothing)
                    | (out_c if c[row] > over_c else nothing)
                    | (out_d if d[row] > over_d else nothing)
                )
        own = leaves[tree]
        for row in range(count):
            gone = np.uint64(struck[row])
            lowest = ~gone & (gone + _ONE)
            totals[row] += own[(lowest * _SEQUENCE) >> _HIGHEST]
    return totals


_CHANCES: Any = types.float32[::1]


@compiled(_CHANCES(types.float64[::1], types.float64, types.float64))
def chances(sums: Numbers, slope: float, offset: float) -> npt.NDArray[np.float32]:
    """The logistic curve over each sum, float32[c]."""
    found = np.empty(len(sums), np.float32)
    for row in range(len(sums)):
        margin = min(max(slope * sums[row] + offset, -60.0), 15.0)
        found[row] = 1.0 / (1.0 + np.exp(-margin))
    return found
