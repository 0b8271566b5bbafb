"""The inner loop of the session neighbours, compiled: from seeds to the items of the sessions that held them.

Compiled when the module is imported (cached on disk), for read-only arrays as a release maps them, so that no
request waits for a compiler. Nothing is kept between calls and no lock is held: threads may call it at once.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.table_kernel import Table, new_table, row_of

__all__ = ["Index", "Reach", "neighbour_items"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]
Index = tuple[Offsets, Codes, Codes, Values, Offsets, Codes, Codes, Values, Values]
"""offsets, items, places, weights, starts, postings, matched, match_weights, item_weights of `Sessions`."""
Reach = tuple[int, int, int, float, float]
"""Nearest sessions; entries of them; bridges; worth of the second hop; worth of a bridge in its own sessions."""
Matches = tuple[Codes, Values, Codes, Codes]
"""Sessions that held a seed: code, worth, step of the newest seed they held, rank of that seed."""
Found = tuple[Codes, Values, Codes, Table]
"""Distinct items in no order: code, score, rank of the seed that speaks most for it; and the row of each code."""

_I32: Final = read_only(types.int32)
_I64: Final = read_only(types.int64)
_F32: Final = read_only(types.float32)


_TINY: Final = 1e-30
_TABLE: Final = types.int64[::1]
_CODES: Final = types.int32[::1]
_VALUES: Final = types.float32[::1]
_INDEX: Final = tuple_of(_I64, _I32, _I32, _F32, _I64, _I32, _I32, _F32, _F32)
_REACH: Final = tuple_of(types.int64, types.int64, types.int64, types.float64, types.float64)
_MATCHES: Final = tuple_of(_CODES, _VALUES, _CODES, _CODES)
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
    bar = np.partition(worth, len(worth) - most)[len(worth) - most]
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


@compiled(_FOUND(_I32, _MATCHES, _F32, types.float64, _INDEX))
def _gather(seeds: Codes, matches: Matches, fade: Values, again: float, index: Index) -> Found:
    """Add up the items of sessions; `again` is the worth of a seed where it is itself what was matched.

    The seed that speaks most is a weighted majority vote (Boyer and Moore, MJRTY, 1981): one counter an item.
    """
    offsets, items, places, item_weights = index[0], index[1], index[2], index[8]
    codes, worth, matched, ranks = matches
    most = 0
    for session in codes:
        most += offsets[session + 1] - offsets[session]
    table = new_table(min(most, len(item_weights)))
    found, voted = np.empty(most, np.int32), np.zeros(most, np.int32)
    scores, votes = np.zeros(most, np.float32), np.zeros(most, np.float32)
    furthest, count = len(fade) // 2, 0
    for row in range(len(codes)):
        for entry in range(offsets[codes[row]], offsets[codes[row] + 1]):
            item = items[entry]
            distance = min(max(places[entry] - matched[row], -furthest), furthest)
            part = worth[row] * fade[furthest + distance]
            if item == seeds[ranks[row]]:
                part *= np.float32(again)
            at = row_of(table, item, count)
            if at == count:
                found[at] = item
                count += 1
            scores[at] += part
            if voted[at] == ranks[row]:
                votes[at] += part
            elif part > votes[at]:
                voted[at], votes[at] = ranks[row], part - votes[at]
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
    table = new_table(len(one[0]) + len(two[0]))
    codes, ranks = np.concatenate((one[0], two[0])), np.concatenate((one[2], two[2]))
    scores = np.zeros(len(codes), np.float32)
    count = 0
    for part, scale in ((one, 1 / max(one[1].max(), _TINY)), (two, share / max(two[1].max(), _TINY))):
        for row in range(len(part[0])):
            at = row_of(table, part[0][row], count)
            if at == count:
                codes[at], ranks[at] = part[0][row], part[2][row]
                count += 1
            scores[at] += part[1][row] * scale
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
