"""A hash table from item codes to rows, compiled: how kernels meet an item again, and how its score is looked up.

Open addressing with multiplicative hashing (Knuth, The Art of Computer Programming 3, §6.4); a table is one array and
stays at most half full.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only

__all__ = ["Table", "new_table", "row_of", "rows_of", "seeds_of", "table_of", "values_of"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Table = npt.NDArray[np.int64]
"""Places of `key << 32 | row`, free ones -1."""

_TABLE: Final = types.int64[::1]
_READ_TABLE: Final = read_only(types.int64)
_READ_CODES: Final = read_only(types.int32)


@compiled(_TABLE(types.int64))
def new_table(entries: int) -> Table:
    """A table with room for so many entries."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return np.full(size, -1, np.int64)


@compiled(types.int64(_TABLE, types.int64, types.int64))
def row_of(table: Table, key: int, count: int) -> int:
    """The row of `key`; a key that is not there gets row `count`."""
    last = len(table) - 1
    place = ((key * 2654435761) >> 12) & last
    while table[place] != -1:
        if table[place] >> 32 == key:
            row: int = table[place] & 0xFFFFFFFF
            return row
        place = (place + 1) & last
    table[place] = (key << 32) | count
    return count


@compiled(_TABLE(_READ_CODES))
def table_of(codes: Codes) -> Table:
    """The table of distinct codes, row by position."""
    table = new_table(len(codes))
    for row in range(len(codes)):
        row_of(table, codes[row], row)
    return table


@compiled(types.int32[::1](_READ_TABLE, _READ_CODES))
def rows_of(table: Table, codes: Codes) -> Codes:
    """The row int32[c] of each code, -1 for one that is not in the table."""
    rows = np.empty(len(codes), np.int32)
    last = len(table) - 1
    for place in range(len(codes)):
        key = np.int64(codes[place])
        at = ((key * 2654435761) >> 12) & last
        while table[at] != -1 and table[at] >> 32 != key:
            at = (at + 1) & last
        rows[place] = -1 if table[at] == -1 else table[at] & 0xFFFFFFFF
    return rows


@compiled(types.float32[::1](_READ_TABLE, _READ_CODES, read_only(types.float32)))
def values_of(table: Table, codes: Codes, values: Values) -> Values:
    """The value float32[c] of each code by its row, 0 for one that is not in the table."""
    rows, found = rows_of(table, codes), np.zeros(len(codes), np.float32)
    for place in range(len(codes)):
        if rows[place] >= 0:
            found[place] = values[rows[place]]
    return found


@compiled(types.int32[::1](_READ_TABLE, _READ_CODES, _READ_CODES, _READ_CODES))
def seeds_of(table: Table, codes: Codes, ranks: Codes, seeds: Codes) -> Codes:
    """The seed int32[c] whose rank each code has by its row, -1 for a code that is not in the table."""
    rows, found = rows_of(table, codes), np.full(len(codes), -1, np.int32)
    for place in range(len(codes)):
        if rows[place] >= 0:
            found[place] = seeds[ranks[rows[place]]]
    return found
