"""What a shopper bought and did not give back, in one pass over the events, compiled: the inner loop of the slots.

Compiled when the module is imported (cached on disk), for read-only arrays too. Nothing is kept between calls.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.choice_kernel import is_in
from recsys.weights import DAY_MS

__all__ = ["BACK", "BOUGHT", "WANTED", "behind", "bought_items", "enough_for_now", "wanted_items"]

Codes = npt.NDArray[np.int32]
Kinds = npt.NDArray[np.int8]
Times = npt.NDArray[np.int64]
Means = npt.NDArray[np.uint8]
Rates = npt.NDArray[np.float32]

BOUGHT: Final = 1
BACK: Final = 2
WANTED: Final = 4
"""Bits of the table by event code that says what an event is: a purchase, what takes one back, a positive event."""


_I8: Final = read_only(types.int8)
_I32: Final = read_only(types.int32)
_I64: Final = read_only(types.int64)
_U8: Final = read_only(types.uint8)
_CODES: Any = types.int32[::1]
_TIMES: Final = types.int64[::1]
_BOUGHT: Final = tuple_of(_CODES, _TIMES, _TIMES, _TIMES)
_BEHIND: Final = tuple_of(_TIMES, types.int64)


@compiled(types.int64(_U8, types.int64))
def _mean(means: Means, kind: int) -> int:
    """What an event of some code is; nothing for a code that this release does not know."""
    return int(means[kind]) if 0 <= kind < len(means) else 0


@compiled(_BOUGHT(_I32, _I8, _I64, _I64, _U8))
def bought_items(
    items: Codes, kinds: Kinds, times: Times, by_item: Times, means: Means
) -> tuple[Codes, Times, Times, Times]:
    """Items whose purchase stands, ascending; time of the last one, days of them, days from the first to the last.

    Events in order of time; `by_item` has their rows ordered by item, those of one item by time. What takes back takes
    the newest purchase before it that still stands.
    """
    size = len(items)
    codes, last = np.empty(size, np.int32), np.empty(size, np.int64)
    days, span = np.empty(size, np.int64), np.empty(size, np.int64)
    standing = np.empty(size, np.int64)
    count, place = 0, 0
    while place < size:
        item, stand = items[by_item[place]], 0
        while place < size and items[by_item[place]] == item:
            row = by_item[place]
            place += 1
            mean = _mean(means, kinds[row])
            if mean & BOUGHT:
                standing[stand] = times[row]
                stand += 1
            elif mean & BACK and stand > 0:
                stand -= 1
        if stand > 0:
            codes[count], last[count], days[count] = item, standing[stand - 1], 1
            for one in range(1, stand):
                days[count] += standing[one] // DAY_MS != standing[one - 1] // DAY_MS
            span[count] = last[count] // DAY_MS - standing[0] // DAY_MS
            count += 1
    return codes[:count], last[:count], days[:count], span[:count]


@compiled(_CODES(_I32, _I8, _I64, _I64, _U8, read_only(types.float32), types.float32, types.float64))
def enough_for_now(
    items: Codes,
    kinds: Kinds,
    times: Times,
    by_item: Times,
    means: Means,
    rates: Rates,
    consumable: float,
    recent_ms: float,
) -> Codes:
    """Items, ascending, bought within `recent_ms` of the newest event of which one is enough.

    That is each which fewer than a `consumable` share of its buyers buy again (`rates: float32[n]` by item), and which
    this shopper bought on one day only. The rest is as `bought_items` has it.
    """
    codes, last, days, _ = bought_items(items, kinds, times, by_item, means)
    count = 0
    for place in range(len(codes)):
        recent = times[len(times) - 1] - last[place] <= recent_ms
        if recent and days[place] <= 1 and not rates[codes[place]] >= consumable:
            codes[count] = codes[place]
            count += 1
    return codes[:count]


@compiled(_CODES(_I32, _I8, _I64, _U8))
def wanted_items(items: Codes, kinds: Kinds, by_item: Times, means: Means) -> Codes:
    """Distinct items of positive events, ascending."""
    codes, count = np.empty(len(items), np.int32), 0
    for row in by_item:
        if _mean(means, kinds[row]) & WANTED and (count == 0 or codes[count - 1] != items[row]):
            codes[count] = items[row]
            count += 1
    return codes[:count]


@compiled(_BEHIND(_I32, _I32, types.int64))
def behind(codes: Codes, seen: Codes, most: int) -> tuple[Times, int]:
    """The order int64[c] with those of `seen` (ascending) after the first `most` at its end, and how many those are."""
    order, over = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    kept, held, met = 0, 0, 0
    for place in range(len(codes)):
        known = is_in(seen, codes[place])
        met += known
        if known and met > most:
            over[held] = place
            held += 1
        else:
            order[kept] = place
            kept += 1
    order[kept:] = over[:held]
    return order, held
