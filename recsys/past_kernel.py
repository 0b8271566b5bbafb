"""Counts a shopper's past in one pass over its events, compiled: the inner loop of `recsys.past`.

Compiled when the module is imported (cached on disk), for read-only arrays too. Nothing is kept between calls.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.weights import HOUR_MS

__all__ = ["BOUGHT", "CARTED", "WANTED", "Counted", "count_past"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]
Counted = tuple[Codes, Values, npt.NDArray[np.bool_], int, int]
"""Distinct items, their columns, which events were counted, how many, and the row of those that opens the session."""

WANTED: Final = 1
BOUGHT: Final = 2
CARTED: Final = 4
"""Bits of the table by event code that says what an event is."""
_NEVER: Final = np.float32(1e6)
_NAMES: Final = 11
_WEEK: Final = np.float32(7 * 24)
_QUARTER: Final = np.float32(90 * 24)


_I8: Final = read_only(types.int8)
_I32: Final = read_only(types.int32)
_I64: Final = read_only(types.int64)
_U8: Final = read_only(types.uint8)
_ROWS: Final = types.int64[::1]
_KEPT: Final = types.boolean[::1]
_COLUMNS: Final = types.float32[:, ::1]
_MARKED: Final = tuple_of(_KEPT, types.int64, types.int64, types.int64)
_COUNTED: Final = tuple_of(types.int32[::1], _COLUMNS, _KEPT, types.int64, types.int64)


@compiled(_MARKED(_I8, _I64, _U8, types.int64))
def _mark(
    kinds: npt.NDArray[np.int8], times: Times, means: npt.NDArray[np.uint8], gap: int
) -> tuple[npt.NDArray[np.bool_], int, int, int]:
    """Which rows count, how many, and which of those and of all opens the session."""
    kept = np.zeros(len(kinds), np.bool_)
    count, opening, opening_row, before = 0, 0, 0, 0
    for row in range(len(kinds)):
        if 0 <= kinds[row] < len(means) and means[kinds[row]] & WANTED:
            if count > 0 and times[row] - before > gap:
                opening, opening_row = count, row
            before = times[row]
            kept[row] = True
            count += 1
    return kept, count, opening, opening_row


@compiled(types.void(_COLUMNS, types.int64, _ROWS, _I8, _I64, _U8, types.int64))
def _sum_up(
    columns: Values,
    at: int,
    rows: Times,
    kinds: npt.NDArray[np.int8],
    times: Times,
    means: npt.NDArray[np.uint8],
    opening_row: int,
) -> None:
    """The columns of one item from its rows, but for the depth."""
    newest = times[len(times) - 1]
    first, age, bought_age = np.float32((newest - times[rows[0]]) / HOUR_MS), np.float32(0), _NEVER
    week, quarter = 0.0, 0.0
    for row in rows:
        age = np.float32((newest - times[row]) / HOUR_MS)
        mean = means[kinds[row]]
        if mean & BOUGHT:
            columns[1, at] += 1
            bought_age = age
        if mean & CARTED:
            columns[2, at] += 1
        if row >= opening_row:
            columns[10, at] += 1
        week += np.exp2(-age / _WEEK)
        quarter += np.exp2(-age / _QUARTER)
    columns[0, at], columns[3, at], columns[4, at] = len(rows), age, bought_age
    columns[5, at] = first - age
    columns[6, at] = (first - age) / np.float32(max(len(rows) - 1, 1))
    columns[7, at], columns[8, at] = week, quarter


@compiled(_COUNTED(_I32, _I8, _I64, _I64, _U8, types.int64))
def count_past(
    items: Codes,
    kinds: npt.NDArray[np.int8],
    times: Times,
    by_item: Times,
    means: npt.NDArray[np.uint8],
    gap: int,
) -> Counted:
    """Count events in order of time; `by_item` has their rows ordered by item, those of one item by time.

    `means` says by event code what counts (bits of this module); a pause of more than `gap` ms ends a session. The
    columns are those of `recsys.past.Past`, in its order.
    """
    kept, count, opening, opening_row = _mark(kinds, times, means, gap)
    rows, distinct, item = np.empty(count, np.int64), 0, -1
    place = 0
    for row in by_item:
        if kept[row]:
            distinct += items[row] != item
            item = items[row]
            rows[place] = row
            place += 1
    codes = np.empty(distinct, np.int32)
    columns = np.zeros((_NAMES, distinct), np.float32)
    closes = np.full(len(items), -1, np.int64)  # the item whose last event a row is
    place = 0
    for at in range(distinct):
        first = place
        codes[at] = items[rows[first]]
        while place < count and items[rows[place]] == codes[at]:
            place += 1
        _sum_up(columns, at, rows[first:place], kinds, times, means, opening_row)
        closes[rows[place - 1]] = at
    depth = 0
    for at in closes[::-1]:
        if at >= 0:
            columns[9, at] = depth
            depth += 1
    return codes, columns, kept, count, opening
