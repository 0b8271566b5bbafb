"""Fills the rows of a feature matrix in one pass over the candidates, compiled; what a row means: `features`.

Compiled when the module is imported (cached on disk), for read-only arrays too, as a release maps them. Nothing is kept
between calls. Arithmetic is float32 where the columns are.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of

__all__ = ["Dealings", "Goods", "Places", "fill"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Groups = npt.NDArray[np.int64]

Goods = tuple[Codes, Codes, Codes, npt.NDArray[np.float64], Matrix, Values, Values, Matrix]
"""By item: category, -1 for none; by category: the top one above it; by item: brand, -1 for none; price, nan for none;
figures float32[n, k]; rate of buying again; days between two purchases; vectors float32[n, d] of length 1."""
Dealings = tuple[Codes, Matrix, Codes, npt.NDArray[np.int64], int, bool]
"""Items touched, ascending, and their columns (`recsys.past.Past`); items and times of the events; the row of them that
opens the session; whether a visit opens."""
Places = tuple[int, int, int, int, int, int]
"""The first rows of: `relative_rule`; `relative_*` of the sources; `own_*`; `leaf_share` …; the item's figures; the
shopper's."""

_OWN: Final = 13
_LATELY: Final = 10
"""Events that say what a shopper looks at now."""
_EVENTS: Final = 0
_PURCHASES: Final = 1
_CARTS: Final = 2
_AGE: Final = 3
_BOUGHT_AGE: Final = 4
_SPAN: Final = 5
_INTERVAL: Final = 6
_WEEK: Final = 7
_QUARTER: Final = 8
_DEPTH: Final = 9
_IN_SESSION: Final = 10
_UNTOUCHED: Final = np.float32(np.log1p(1e6))
_DEEP: Final = np.float32(100 * np.log1p(1e6))
_WEEK_H: Final = np.float32(168)
_DAY_H: Final = np.float32(24)
_TEN: Final = np.float32(10)
_SMALL: Final = np.float32(1e-3)
_TINY: Final = np.float32(1e-9)
_LARGEST: Final = float(np.finfo(np.float64).max)


_I32: Final = read_only(types.int32)
_I64: Final = read_only(types.int64)
_F32: Final = read_only(types.float32)
_F32S: Final = read_only(types.float32, 2)
_ROWS: Final = types.float32[:, ::1]
_COUNTS: Final = types.int64[:, ::1]
_GOODS: Final = tuple_of(_I32, _I32, _I32, read_only(types.float64), _F32S, _F32, _F32, _F32S)
_DEALINGS: Final = tuple_of(_I32, _F32S, _I32, _I64, types.int64, types.boolean)
_PLACES: Final = tuple_of(*[types.int64] * 6)


@compiled(types.int64(_COUNTS, types.int64))
def _place(table: Groups, group: int) -> int:
    """Where a group is, or may be put, in an open-addressing table of which half is free; column 0 holds groups + 1."""
    last = len(table) - 1
    place = ((group * 2654435761) >> 8) & last
    while table[place, 0] != 0 and table[place, 0] != group + 1:
        place = (place + 1) & last
    return place


@compiled(types.void(_COUNTS, types.int64, types.boolean))
def _count(table: Groups, group: int, lately: bool) -> None:
    """Add an event to its group: column 1 counts all events, column 2 the latest."""
    if group >= 0:
        place = _place(table, group)
        table[place, 0] = group + 1
        table[place, 1] += 1
        table[place, 2] += lately


@compiled(types.int32(types.int64, _I32))
def _top(category: int, tops: Codes) -> int:
    """The top category over one; -1 for none, and for one that was added a moment ago."""
    return tops[category] if 0 <= category < len(tops) else -1


@compiled(types.float32(types.float64))
def _log_price(price: float) -> np.float32:
    """log(1 + price); 0 where there is none."""
    return np.float32(np.log1p(min(price, _LARGEST))) if price > 0 else np.float32(0)


@compiled(types.float32(_F32S, types.int64, types.int64))
def _alike(vectors: Matrix, one: int, two: int) -> np.float32:
    """Inner product of two rows; four sums at a time do not wait for one another."""
    a, b = vectors[one], vectors[two]
    w, x, y, z = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    whole = len(a) & ~3
    for place in range(0, whole, 4):
        w += a[place] * b[place]
        x += a[place + 1] * b[place + 1]
        y += a[place + 2] * b[place + 2]
        z += a[place + 3] * b[place + 3]
    for place in range(whole, len(a)):
        w += a[place] * b[place]
    return np.float32((w + x) + (y + z))


@compiled(types.void(_ROWS, types.int64, types.int64))
def _relative(rows: Matrix, said: int, into: int) -> None:
    """One row against its best candidate."""
    best = np.float32(0)
    for place in range(rows.shape[1]):
        best = max(best, rows[said, place])
    best = max(best, _TINY)
    for place in range(rows.shape[1]):
        rows[into, place] = rows[said, place] / best


@compiled(_ROWS(_F32S))
def _own(columns: Matrix) -> Matrix:
    """The rows `own_*` of each touched item; the last one holds what a cycle still has to divide."""
    rows = np.empty((columns.shape[1], _OWN), np.float32)
    for item in range(len(rows)):
        age, bought_age = columns[_AGE, item], columns[_BOUGHT_AGE, item]
        interval, span = columns[_INTERVAL, item], columns[_SPAN, item]
        rows[item, 0] = columns[_EVENTS, item]
        rows[item, 1] = columns[_PURCHASES, item]
        rows[item, 2] = columns[_CARTS, item]
        rows[item, 3] = np.log1p(age)
        rows[item, 4] = np.log1p(bought_age)
        rows[item, 5] = np.log1p(interval)
        rows[item, 6] = min(age / max(interval, _SMALL), _TEN) if interval > 0 else np.float32(0)
        rows[item, 7] = columns[_DEPTH, item]
        rows[item, 8] = columns[_IN_SESSION, item]
        rows[item, 9] = columns[_WEEK, item]
        rows[item, 10] = columns[_QUARTER, item]
        rows[item, 11] = columns[_EVENTS, item] / (age + span + _WEEK_H)
        rows[item, 12] = bought_age if columns[_PURCHASES, item] > 0 else np.float32(-1)
    return rows


@compiled(types.void(_ROWS, types.int64, _I32, _I32, _F32S, _F32))
def _fill_own(
    rows: Matrix, first: int, codes: Codes, touched: Codes, columns: Matrix, cycles: Values
) -> None:
    """The shopper's dealings with each candidate; what never happened is as old as can be."""
    own = _own(columns)
    for place in range(len(codes)):
        code = codes[place]
        at = np.searchsorted(touched, code)
        if at == len(touched) or touched[at] != code:
            for row in range(_OWN):
                rows[first + row, place] = 0
            rows[first + 3, place] = rows[first + 4, place] = _UNTOUCHED
            rows[first + 7, place] = _DEEP
            continue
        for row in range(_OWN - 1):
            rows[first + row, place] = own[at, row]
        cycle, bought_age = cycles[code], own[at, _OWN - 1]
        due = cycle > 0 and bought_age >= 0
        rows[first + _OWN - 1, place] = (
            min(bought_age / max(cycle * _DAY_H, _SMALL), _TEN) if due else np.float32(0)
        )


@compiled(types.void(_ROWS, types.int64, _DEALINGS))
def _fill_shopper(rows: Matrix, first: int, dealings: Dealings) -> None:
    """Constant within a request."""
    touched, columns, events, times, opening, opens_visit = dealings
    count = len(events)
    if count == 0:
        rows[first : first + 7] = 0
        return
    bought = 0.0
    for item in range(len(touched)):
        bought += columns[_PURCHASES, item]
    rows[first] = np.log1p(count)
    rows[first + 1] = np.log1p(len(touched))
    rows[first + 2] = 1.0 - len(touched) / count
    rows[first + 3] = bought / count
    rows[first + 4] = count - opening
    rows[first + 5] = np.log1p((times[count - 1] - times[opening]) / 60_000)
    rows[first + 6] = 1.0 if opens_visit else 0.0


@compiled(types.void(_ROWS, types.int64, _I32, _I32, types.int64, _GOODS))
def _fill_affinity(rows: Matrix, first: int, codes: Codes, events: Codes, last: int, goods: Goods) -> None:
    """What of the shopper's events is of the candidate's kind, and how alike the last item (-1: none) is."""
    categories, tops, brands, prices, vectors = goods[0], goods[1], goods[2], goods[3], goods[7]
    size = 8
    while size < 2 * len(events):
        size *= 2
    tables = np.zeros((3, size, 3), np.int64)
    leaves, upper, brand = tables[0], tables[1], tables[2]
    paid, priced = 0.0, 0
    for row in range(len(events)):
        item, lately = events[row], row >= len(events) - _LATELY
        _count(leaves, categories[item], lately)
        _count(upper, _top(categories[item], tops), lately)
        _count(brand, brands[item], lately)
        price = _log_price(prices[item])
        paid += float(price)
        priced += 1 if price > 0 else 0
    usual = np.float32(paid / priced) if priced else np.float32(0)
    total, latest = max(len(events), 1), max(min(len(events), _LATELY), 1)
    last_leaf = categories[last] if last >= 0 else -1
    for place in range(len(codes)):
        code = codes[place]
        for row in range(8):
            rows[first + row, place] = 0
        leaf, of, price = categories[code], brands[code], _log_price(prices[code])
        if leaf >= 0:
            at = _place(leaves, leaf)
            rows[first, place] = leaves[at, 1] / total
            rows[first + 1, place] = leaves[at, 2] / latest
        top = _top(leaf, tops)
        if top >= 0:
            at = _place(upper, top)
            rows[first + 2, place] = upper[at, 1] / total
            rows[first + 3, place] = upper[at, 2] / latest
        if of >= 0:
            rows[first + 4, place] = brand[_place(brand, of), 1] / total
        if usual > 0 and price > 0:
            rows[first + 5, place] = price - usual
        if last >= 0:
            rows[first + 6, place] = _alike(vectors, code, last)
            rows[first + 7, place] = 1.0 if leaf >= 0 and leaf == last_leaf else 0.0


@compiled(types.void(_ROWS, _PLACES, _I32, _DEALINGS, types.int64, _GOODS))
def fill(rows: Matrix, places: Places, codes: Codes, dealings: Dealings, last: int, goods: Goods) -> None:
    """Fill the matrix float32[features, c] of the candidates `codes: int32[c]`, in which the rule and what the sources
    say stand already.

    `last` is the shopper's latest item, -1 for none. Raises IndexError for an item that the columns do not have.
    """
    relative_rule, relative, own, affinity, figures, shopper = places
    table, rates, cycles = goods[4], goods[5], goods[6]
    known = min(
        len(goods[0]), len(goods[2]), len(goods[3]), len(table), len(rates), len(cycles), len(goods[7])
    )
    for code in codes:
        if code < 0 or code >= known:
            raise IndexError("a candidate is no item of the release")
    for code in dealings[2]:
        if code < 0 or code >= known:
            raise IndexError("an item of the history is none of the release")
    if last >= known:
        raise IndexError("the last item is none of the release")
    _relative(rows, 0, relative_rule)
    sources = own - relative
    for source in range(sources):
        _relative(rows, relative - sources + source, relative + source)
    _fill_own(rows, own, codes, dealings[0], dealings[1], cycles)
    _fill_affinity(rows, affinity, codes, dealings[2], last, goods)
    for place in range(len(codes)):
        code = codes[place]
        for column in range(table.shape[1]):
            rows[figures + column, place] = table[code, column]
        rows[figures + table.shape[1], place] = rates[code]
        rows[figures + table.shape[1] + 1, place] = cycles[code]
    _fill_shopper(rows, shopper, dealings)
