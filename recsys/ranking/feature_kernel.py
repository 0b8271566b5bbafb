"""Fills the rows of a feature matrix in one pass over the candidates, compiled; what a row means: `features`.

Compiled when the module is imported (cached on disk), for read-only arrays too, as a release maps them. Nothing is kept
between calls. Arithmetic is float32 where the columns are. What is read by item code is gathered in loops that do
nothing else: most of it is far from the processor, which then waits for many items at once and not for one after the
other.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of

__all__ = ["Dealings", "Goods", "Places", "Spoken", "fill"]

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
Spoken = tuple[Values, Matrix, Groups]
"""What the rule says of the candidates; what sources say, float32[s, c]; which of those each known source is, -1 for
one that was not asked."""
Places = tuple[int, int, int, int, int, int]
"""The first rows of: `score_*` of the sources; `relative_*` of them; `own_*`; `leaf_share` …; the item's figures; the
shopper's."""

_OWN: Final = 13
_KINDRED: Final = 6
_SHOPPER: Final = 7
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
_ROWS: Any = types.float32[:, ::1]
_CODES_OUT: Any = types.int32[::1]
_VALUES_OUT: Any = types.float32[::1]
_COUNTS: Final = types.int64[:, ::1]
_GOODS: Final = tuple_of(_I32, _I32, _I32, read_only(types.float64), _F32S, _F32, _F32, _F32S)
_DEALINGS: Final = tuple_of(_I32, _F32S, _I32, _I64, types.int64, types.boolean)
_SPOKEN: Final = tuple_of(_F32, _F32S, _I64)
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


@compiled(types.float32(_F32S, types.int64, types.int64), reorder=True)
def _alike(vectors: Matrix, one: int, two: int) -> np.float32:
    """Inner product of two rows."""
    a, b, total = vectors[one], vectors[two], np.float32(0)
    for place in range(len(a)):
        total += a[place] * b[place]
    return total


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
    """The shopper's dealings with each candidate; what never happened is as old as can be. Both codes ascend."""
    own = _own(columns)
    rows[first : first + _OWN] = 0
    rows[first + 3 : first + 5] = _UNTOUCHED
    rows[first + 7] = _DEEP
    at = 0
    for place in range(len(codes)):
        code = codes[place]
        while at < len(touched) and touched[at] < code:
            at += 1
        if at == len(touched):
            break
        if touched[at] != code:
            continue
        for row in range(_OWN - 1):
            rows[first + row, place] = own[at, row]
        cycle, bought_age = cycles[code], own[at, _OWN - 1]
        if cycle > 0 and bought_age >= 0:
            rows[first + _OWN - 1, place] = min(bought_age / max(cycle * _DAY_H, _SMALL), _TEN)


@compiled(types.void(_ROWS, types.int64, _DEALINGS))
def _fill_shopper(rows: Matrix, first: int, dealings: Dealings) -> None:
    """Constant within a request."""
    touched, columns, events, times, opening, opens_visit = dealings
    count = len(events)
    if count == 0:
        rows[first : first + _SHOPPER] = 0
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


@compiled(_CODES_OUT(_I32, _I32))
def _of(codes: Codes, column: Codes) -> Codes:
    """What a column has of each item."""
    found = np.empty(len(codes), np.int32)
    for place in range(len(codes)):
        found[place] = column[codes[place]]
    return found


@compiled(_VALUES_OUT(_I32, read_only(types.float64)))
def _log_prices(codes: Codes, prices: npt.NDArray[np.float64]) -> Values:
    """log(1 + price) of each item; 0 where there is none."""
    found = np.empty(len(codes), np.float64)
    for place in range(len(codes)):
        found[place] = prices[codes[place]]
    logs = np.zeros(len(codes), np.float32)
    for place in range(len(codes)):
        if found[place] > 0:
            logs[place] = np.log1p(min(found[place], _LARGEST))
    return logs


@compiled(types.void(_ROWS, types.int64, _I32, _I32, _GOODS))
def _fill_affinity(rows: Matrix, first: int, codes: Codes, events: Codes, goods: Goods) -> None:
    """What of the shopper's events is of the candidate's kind."""
    categories, tops, brands, prices = goods[0], goods[1], goods[2], goods[3]
    rows[first : first + _KINDRED] = 0
    if len(events) == 0:
        return
    size = 8
    while size < 2 * len(events):
        size *= 2
    tables = np.zeros((3, size, 3), np.int64)
    leaves, upper, brand = tables[0], tables[1], tables[2]
    touched_leaf, touched_brand = _of(events, categories), _of(events, brands)
    touched_price = _log_prices(events, prices)
    paid, priced = 0.0, 0
    for row in range(len(events)):
        lately = row >= len(events) - _LATELY
        _count(leaves, touched_leaf[row], lately)
        _count(upper, _top(touched_leaf[row], tops), lately)
        _count(brand, touched_brand[row], lately)
        paid += float(touched_price[row])
        priced += 1 if touched_price[row] > 0 else 0
    usual = np.float32(paid / priced) if priced else np.float32(0)
    leaf, of, worth = _of(codes, categories), _of(codes, brands), _log_prices(codes, prices)
    total, latest = len(events), min(len(events), _LATELY)
    for place in range(len(codes)):
        if leaf[place] >= 0:
            at = _place(leaves, leaf[place])
            rows[first, place] = leaves[at, 1] / total
            rows[first + 1, place] = leaves[at, 2] / latest
        top = _top(leaf[place], tops)
        if top >= 0:
            at = _place(upper, top)
            rows[first + 2, place] = upper[at, 1] / total
            rows[first + 3, place] = upper[at, 2] / latest
        if of[place] >= 0:
            rows[first + 4, place] = brand[_place(brand, of[place]), 1] / total
        if usual > 0 and worth[place] > 0:
            rows[first + 5, place] = worth[place] - usual


@compiled(types.void(_ROWS, types.int64, _I32, types.int64, _I32, _F32S))
def _fill_last(rows: Matrix, first: int, codes: Codes, last: int, categories: Codes, vectors: Matrix) -> None:
    """How alike the last item (-1: none) is."""
    rows[first : first + 2] = 0
    if last < 0:
        return
    leaf = categories[last]
    for place in range(len(codes)):
        rows[first, place] = _alike(vectors, codes[place], last)
        rows[first + 1, place] = 1.0 if leaf >= 0 and leaf == categories[codes[place]] else 0.0


@compiled(types.void(_ROWS, types.int64, _I32, _F32S, _F32, _F32))
def _fill_figures(
    rows: Matrix, first: int, codes: Codes, table: Matrix, rates: Values, cycles: Values
) -> None:
    """Figures of the items alone."""
    more = table.shape[1]
    for place in range(len(codes)):
        for column in range(more):
            rows[first + column, place] = table[codes[place], column]
    for place in range(len(codes)):
        rows[first + more, place] = rates[codes[place]]
    for place in range(len(codes)):
        rows[first + more + 1, place] = cycles[codes[place]]


@compiled(types.void(_I32, _I32, types.int64, _GOODS))
def _check(codes: Codes, events: Codes, last: int, goods: Goods) -> None:
    """Refuse what the columns do not have, and candidates that do not ascend."""
    known = min(
        len(goods[0]),
        len(goods[2]),
        len(goods[3]),
        len(goods[4]),
        len(goods[5]),
        len(goods[6]),
        len(goods[7]),
    )
    before = -1
    for code in codes:
        if code < 0 or code >= known:
            raise IndexError("a candidate is no item of the release")
        if code <= before:
            raise ValueError("candidates are to be distinct and ascending")
        before = code
    for code in events:
        if code < 0 or code >= known:
            raise IndexError("an item of the history is none of the release")
    if last >= known:
        raise IndexError("the last item is none of the release")


@compiled(_ROWS(_PLACES, _I32, _SPOKEN, _DEALINGS, types.int64, _GOODS))
def fill(places: Places, codes: Codes, spoken: Spoken, dealings: Dealings, last: int, goods: Goods) -> Matrix:
    """The matrix float32[features, c] of the candidates `codes: int32[c]`, distinct and ascending.

    `last` is the shopper's latest item, -1 for none. Raises IndexError for an item that the columns do not have.
    """
    said, relative, own, affinity, figures, shopper = places
    rule, values, asked = spoken
    _check(codes, dealings[2], last, goods)
    rows = np.empty((shopper + _SHOPPER, len(codes)), np.float32)
    rows[0] = rule
    _relative(rows, 0, 1)
    for source in range(len(asked)):
        if asked[source] >= 0:
            rows[said + source] = values[asked[source]]
            _relative(rows, said + source, relative + source)
        else:
            rows[said + source] = 0
            rows[relative + source] = 0
    _fill_own(rows, own, codes, dealings[0], dealings[1], goods[6])
    _fill_affinity(rows, affinity, codes, dealings[2], goods)
    _fill_last(rows, affinity + _KINDRED, codes, last, goods[0], goods[7])
    _fill_figures(rows, figures, codes, goods[4], goods[5], goods[6])
    _fill_shopper(rows, shopper, dealings)
    return rows
