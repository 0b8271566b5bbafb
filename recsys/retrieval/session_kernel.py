"""The inner loop of the session neighbours, compiled: from seeds to the items of the sessions that held them.

Compiled when the module is imported (cached on disk), for read-only arrays as a release maps them, so that no
request waits for a compiler. Nothing is kept between calls and no lock is held: threads may call it at once.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.table_kernel import Table, new_table, row_of

__all__ = ["Index", "Reach", "kth_largest", "neighbour_items"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]
Index = tuple[Offsets, Codes, Codes, Values, Offsets, Codes, Codes, Values, Values]
"""offsets, items, places, weights, starts, postings, matched, match_weights, item_weights of `Sessions`."""
Reach = tuple[int, int, int, float, float]
"""Nearest sessions; entries of them; bridges; worth of the second hop; worth of a bridge in its own sessions."""
Matches = tuple[Codes, Values, Codes, Codes]
"""Sessions that held a seed: code, worth, step of the newest seed they held, rank of that seed."""
Held = tuple[Codes, Codes, Values]
"""Entries of sessions: item, rank of the seed that matched the session, worth."""
Found = tuple[Codes, Values, Codes, Table]
"""Distinct items in no order: code, score, rank of the seed that speaks most for it; and the row of each code."""

_I32: Final = read_only(types.int32)
_I64: Final = read_only(types.int64)
_F32: Final = read_only(types.float32)


_TINY: Final = 1e-30
_BINS: Final = 256
_TABLE: Final = types.int64[::1]
_CODES: Final = types.int32[::1]
_VALUES: Final = types.float32[::1]
_INDEX: Final = tuple_of(_I64, _I32, _I32, _F32, _I64, _I32, _I32, _F32, _F32)
_REACH: Final = tuple_of(types.int64, types.int64, types.int64, types.float64, types.float64)
_MATCHES: Final = tuple_of(_CODES, _VALUES, _CODES, _CODES)
_HELD: Final = tuple_of(_CODES, _CODES, _VALUES)
_FOUND: Final = tuple_of(_CODES, _VALUES, _CODES, _TABLE)


@compiled(_MATCHES(_I32, _F32, _INDEX))
def _matches(seeds: Codes, seed_weights: Values, index: Index) -> Matches:
    """Every session that held a seed, in the order they are met: newest seed first, newest session first."""
    weights, starts, postings, steps, match_weights = index[3], index[4], index[5], index[6], index[7]
    most = 0
    for seed in seeds:
        most += starts[seed + 1] - starts[seed]
    table = new_table(most)
    codes, matched, ranks = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    worth = np.zeros(most, np.float32)
    count = 0
    for rank in range(len(seeds)):
        seed = seeds[rank]
        weight = seed_weights[rank] * match_weights[seed]
        for posting in range(starts[seed], starts[seed + 1]):
            session = postings[posting]
            row = row_of(table, session, count)
            if row == count:
                codes[row], matched[row], ranks[row] = session, steps[posting], rank
                count += 1
            worth[row] += weight * weights[session]
    return codes[:count], worth[:count], matched[:count], ranks[:count]


@compiled(types.float32(_F32, types.int64))
def kth_largest(values: Values, k: int) -> Any:
    """The k-th largest of some numbers (1 ≤ k ≤ n, none NaN): equal bins first, then the bin it is in.

    Four times as fast as selection by comparisons, which guesses a branch wrongly at every other value.
    """
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    scale = np.float32(_BINS - 1) / (high - low) if high > low else np.float32(0)
    counts = np.zeros(_BINS, np.int64)
    for value in values:
        counts[np.int64((value - low) * scale)] += 1
    bin_, left = _BINS - 1, k
    while counts[bin_] < left:
        left -= counts[bin_]
        bin_ -= 1
    inside, count = np.empty(counts[bin_], np.float32), 0
    for value in values:
        if np.int64((value - low) * scale) == bin_:
            inside[count] = value
            count += 1
    return np.partition(inside, count - left)[count - left]


@compiled(_MATCHES(_I32, _F32, types.int64, types.int64, _INDEX))
def _nearest(seeds: Codes, seed_weights: Values, most: int, entries: int, index: Index) -> Matches:
    """The sessions nearest to the seeds: at most `most`, and as many of usual size as hold `entries`.

    Of equally near ones those met first.
    """
    codes, worth, matched, ranks = _matches(seeds, seed_weights, index)
    held = 0
    for session in codes:
        held += index[0][session + 1] - index[0][session]
    most = max(min(most, entries * len(codes) // max(held, 1)), 1)
    if len(codes) <= most:
        return codes, worth, matched, ranks
    bar = kth_largest(worth, most)
    spare = most - (worth > bar).sum()
    count = 0
    for row in range(len(codes)):
        if worth[row] < bar or (worth[row] == bar and spare == 0):
            continue
        spare -= worth[row] == bar
        codes[count], worth[count] = codes[row], worth[row]
        matched[count], ranks[count] = matched[row], ranks[row]
        count += 1
    return codes[:count], worth[:count], matched[:count], ranks[:count]


@compiled(_HELD(_MATCHES, _F32, _INDEX))
def _held(matches: Matches, fade: Values, index: Index) -> Held:
    """Every item of some sessions in their order: code, rank of the seed that matched, what the entry is worth.

    Sessions lie far apart in memory; a loop that does nothing else waits for many of them at once.
    """
    offsets, items, places = index[0], index[1], index[2]
    codes, worth, matched, ranks = matches
    firsts, lasts = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    most = 0
    for row in range(len(codes)):
        firsts[row], lasts[row] = offsets[codes[row]], offsets[codes[row] + 1]
        most += lasts[row] - firsts[row]
    held, by = np.empty(most, np.int32), np.empty(most, np.int32)
    parts = np.empty(most, np.float32)
    furthest, count = len(fade) // 2, 0
    for row in range(len(codes)):
        for entry in range(firsts[row], lasts[row]):
            distance = min(max(places[entry] - matched[row], -furthest), furthest)
            held[count], by[count] = items[entry], ranks[row]
            parts[count] = worth[row] * fade[furthest + distance]
            count += 1
    return held, by, parts


@compiled(_FOUND(_I32, _MATCHES, _F32, types.float64, _INDEX))
def _gather(seeds: Codes, matches: Matches, fade: Values, again: float, index: Index) -> Found:
    """Add up the items of sessions; `again` is the worth of a seed where it is itself what was matched.

    The seed that speaks most is a weighted majority vote (Boyer and Moore, MJRTY, 1981): one counter an item.
    """
    item_weights = index[8]
    held, by, parts = _held(matches, fade, index)
    most = len(held)
    table = new_table(min(most, len(item_weights)))
    found, voted = np.empty(most, np.int32), np.empty(most, np.int32)
    scores, votes = np.empty(most, np.float32), np.empty(most, np.float32)
    count = 0
    for entry in range(most):
        item, rank, part = held[entry], by[entry], parts[entry]
        if item == seeds[rank]:
            part *= np.float32(again)
        at = row_of(table, item, count)
        if at == count:
            found[at], voted[at], scores[at], votes[at] = item, rank, part, part
            count += 1
            continue
        scores[at] += part
        if voted[at] == rank:
            votes[at] += part
        elif part > votes[at]:
            voted[at], votes[at] = rank, part - votes[at]
        else:
            votes[at] -= part
    for row in range(count):
        scores[row] *= item_weights[found[row]]
    return found[:count], scores[:count], voted[:count], table


@compiled(_CODES(_I32, _FOUND, types.int64))
def _bridges(seeds: Codes, found: Found, most: int) -> Codes:
    """Rows of the `most` best found items that are no seeds, best first; equal scores by code."""
    codes, scores = found[0], found[1]
    best = np.empty(most + 1, np.int32)
    count = 0
    for row in range(len(codes)):
        place = count
        while place > 0 and (
            scores[row] > scores[best[place - 1]]
            or (scores[row] == scores[best[place - 1]] and codes[row] < codes[best[place - 1]])
        ):
            place -= 1
        if place == most or (seeds == codes[row]).any():
            continue
        best[place + 1 : count + 1] = best[place:count].copy()
        best[place] = row
        count = min(count + 1, most)
    return best[:count]


@compiled(_FOUND(_FOUND, _FOUND, types.float64))
def _merged(one: Found, two: Found, share: float) -> Found:
    """Both results, each scaled so that its best is 1, the second counting `share`."""
    count, most = len(one[0]), len(one[0]) + len(two[0])
    # The table of the first result mostly has room for the second one.
    table = one[3]
    if len(table) < 2 * most:
        table = new_table(most)
        for row in range(count):
            row_of(table, one[0][row], row)
    codes, ranks = np.concatenate((one[0], two[0])), np.concatenate((one[2], two[2]))
    scores = np.empty(most, np.float32)
    scale = np.float32(1 / max(one[1].max(), _TINY))
    scores[:count] = one[1] * scale
    scale = np.float32(share / max(two[1].max(), _TINY))
    for row in range(len(two[0])):
        at = row_of(table, two[0][row], count)
        if at == count:
            codes[at], ranks[at], scores[at] = two[0][row], two[2][row], 0
            count += 1
        scores[at] += two[1][row] * scale
    return codes[:count], scores[:count], ranks[:count], table


@compiled(_FOUND(_I32, _F32, _F32, _REACH, _INDEX))
def neighbour_items(seeds: Codes, seed_weights: Values, fade: Values, reach: Reach, index: Index) -> Found:
    """Items of the sessions nearest to `seeds` (distinct, newest first), distinct, in no order.

    `fade: float32[2 d + 1]` is the worth of an item -d … d steps from the matched one; further counts as d.
    The best items found (bridges) ask once more: where a shop has few sessions an item, that doubles what can be
    reached. Scores are comparable within a call only.
    """
    nearest, entries, bridges, share, again = reach
    one = _gather(seeds, _nearest(seeds, seed_weights, nearest, entries, index), fade, 1.0, index)
    rows = _bridges(seeds, one, bridges)
    if len(rows) == 0 or share == 0:
        return one
    middle = one[0][rows]
    two = _gather(
        middle, _nearest(middle, one[1][rows], nearest // 2, entries // 2, index), fade, again, index
    )
    return _merged(one, (two[0], two[1], one[2][rows[two[2]]], two[3]), share)
