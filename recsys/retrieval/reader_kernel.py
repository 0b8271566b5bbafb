"""What each of a shopper's items is worth, in one pass over the events, compiled: the inner loop of the reader.

Compiled when the module is imported (cached on disk), for read-only arrays too. Nothing is kept between calls.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.weights import HOUR_MS

__all__ = ["Law", "Worth", "weigh"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]
Law = tuple[float, float]
"""Milliseconds within which an event keeps most of its worth, and the exponent of the power law after that."""
Worth = tuple[Codes, Values, Values, Codes, Values]
"""Own items, ascending, with their worth to the own list and to models; the most recent of them and their ages."""


_CODES: Final = types.int32[::1]
_VALUES: Final = types.float32[::1]
_WORTH: Final = tuple_of(_CODES, _VALUES, _VALUES, _CODES, _VALUES)
_LAW: Final = tuple_of(types.float64, types.float64)


@compiled(
    _WORTH(
        read_only(types.int32),
        read_only(types.int8),
        read_only(types.int64),
        read_only(types.int64),
        read_only(types.float32),
        _LAW,
        _LAW,
        types.int64,
    )
)
def weigh(
    items: Codes,
    kinds: npt.NDArray[np.int8],
    times: Times,
    by_item: Times,
    strengths: Values,
    own_law: Law,
    model_law: Law,
    most: int,
) -> Worth:
    """Weigh events in order of time; `by_item` has their rows ordered by item, those of one item by time.

    Own is what is worth more than nothing in all under `own_law`, `strengths` by event code. At most `most` items are
    the most recent ones, latest event first, with the hours from it to the newest event.
    """
    size = len(items)
    codes, own, model = np.empty(size, np.int32), np.empty(size, np.float32), np.empty(size, np.float32)
    latest = np.zeros(size, np.bool_)  # rows that are the last event of an own item
    newest = times[size - 1] if size else 0
    count, place = 0, 0
    while place < size:
        item, row = items[by_item[place]], 0
        own_sum, model_sum = 0.0, 0.0
        while place < size and items[by_item[place]] == item:
            row = by_item[place]
            place += 1
            kind = kinds[row]
            if 0 <= kind < len(strengths) and strengths[kind] != 0:
                strength = strengths[kind]
                age = newest - times[row]
                # Each event is rounded on its own, as `recsys.weights.event_values` does.
                own_sum += float(np.float32(strength * (1.0 + age / own_law[0]) ** -own_law[1]))
                model_sum += float(np.float32(strength * (1.0 + age / model_law[0]) ** -model_law[1]))
        if np.float32(own_sum) > 0:
            codes[count], own[count], model[count] = item, own_sum, max(model_sum, 0.0)
            latest[row] = True
            count += 1
    seeds = min(count, most)
    recent, ages = np.empty(seeds, np.int32), np.empty(seeds, np.float32)
    found, row = 0, size - 1
    while found < seeds:
        if latest[row]:
            recent[found], ages[found] = items[row], (newest - times[row]) / HOUR_MS
            found += 1
        row -= 1
    return codes[:count], own[:count], model[:count], recent, ages
