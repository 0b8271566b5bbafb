"""Which codes may be shown, and the best of those, compiled: a look at the candidates instead of the catalogue.

What may be shown is `flags: bool[n]` less `hidden: int32[h]`, ascending; both are only read. The best of several are
kept in a heap whose root is the worst of them (Williams, "Algorithm 232: Heapsort", CACM 7, 1964); of equal scores the
lower code is better, so an order never depends on how candidates came in.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of

__all__ = [
    "FLAGS",
    "best_of",
    "drop_bits",
    "first_of",
    "hidden_of",
    "is_in",
    "kept",
    "may_show",
    "offer",
    "sink",
]

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]
Bits = npt.NDArray[np.uint8]

FLAGS: Final = read_only(types.boolean)
_READ_CODES: Final = read_only(types.int32)
_READ_VALUES: Final = read_only(types.float32)
_READ_BITS: Final = read_only(types.uint8)
_CODES: Final = types.int32[::1]
_VALUES: Final = types.float32[::1]


@compiled(types.boolean(_READ_CODES, types.int64))
def is_in(codes: Codes, code: int) -> bool:
    """Whether ascending codes hold one."""
    low, high = 0, len(codes)
    while low < high:
        middle = (low + high) // 2
        if codes[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low < len(codes) and codes[low] == code


@compiled(types.boolean[::1](_READ_CODES, FLAGS, _READ_CODES))
def may_show(codes: Codes, flags: Flags, hidden: Codes) -> Flags:
    """Which of the codes may be shown; a code that is no item's may not."""
    answer = np.empty(len(codes), np.bool_)
    for place in range(len(codes)):
        code = codes[place]
        answer[place] = 0 <= code < len(flags) and flags[code] and not is_in(hidden, code)
    return answer


@compiled(_CODES(_READ_CODES, FLAGS))
def hidden_of(codes: Codes, flags: Flags) -> Codes:
    """The distinct ones of `codes` that are flagged, ascending."""
    ordered = np.sort(codes)
    count = 0
    for code in ordered:
        if 0 <= code < len(flags) and flags[code] and (count == 0 or ordered[count - 1] != code):
            ordered[count] = code
            count += 1
    return ordered[:count]


@compiled(_CODES(_READ_CODES, types.int64, FLAGS, _READ_CODES))
def first_of(order: Codes, most: int, flags: Flags, hidden: Codes) -> Codes:
    """The first `most` of an order that may be shown, looking no further than needed."""
    found = np.empty(min(max(most, 0), len(order)), np.int32)
    count = 0
    for code in order:
        if count == len(found):
            break
        if flags[code] and not is_in(hidden, code):
            found[count] = code
            count += 1
    return found[:count]


@compiled(types.uint8[::1](_READ_BITS, _READ_CODES))
def drop_bits(bits: Bits, codes: Codes) -> Bits:
    """A copy of packed flags (lowest bit first) with those of `codes` taken out."""
    dropped = bits.copy()
    for code in codes:
        dropped[code >> 3] &= np.uint8(255 - (1 << (code & 7)))
    return dropped


@compiled(types.void(_VALUES, _CODES, types.int64, types.int64, types.float32, types.int32))
def sink(scores: Values, codes: Codes, place: int, count: int, score: float, code: int) -> None:
    """Put a candidate in a place of a heap of `count` entries whose parts below it are in order; the root is 0."""
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        other = below + 1
        if other < count and (
            scores[other] < scores[below] or (scores[other] == scores[below] and codes[other] > codes[below])
        ):
            below = other
        if score < scores[below] or (score == scores[below] and code > codes[below]):
            break
        scores[place], codes[place] = scores[below], codes[below]
        place = below
    scores[place], codes[place] = score, code


@compiled(types.int64(_VALUES, _CODES, types.int64, types.float32, types.int32))
def offer(scores: Values, codes: Codes, count: int, score: float, code: int) -> int:
    """Put one candidate into a heap of `count` entries if it is among the best; how many there are then."""
    most = len(scores)
    if count < most:
        place = count
        while place > 0:
            above = (place - 1) // 2
            if scores[above] < score or (scores[above] == score and codes[above] > code):
                break
            scores[place], codes[place] = scores[above], codes[above]
            place = above
        scores[place], codes[place] = score, code
        return count + 1
    if score < scores[0] or (score == scores[0] and code > codes[0]):
        return count
    sink(scores, codes, 0, count, score, code)
    return count


@compiled(tuple_of(_VALUES, _CODES)(_VALUES, _CODES, types.int64))
def kept(scores: Values, codes: Codes, count: int) -> tuple[Values, Codes]:
    """What a heap of `count` entries holds, best first; the heap itself is used up."""
    for last in range(count - 1, 0, -1):
        worst_score, worst_code = scores[0], codes[0]
        sink(scores, codes, 0, last, scores[last], codes[last])
        scores[last], codes[last] = worst_score, worst_code
    return scores[:count], codes[:count]


@compiled(_CODES(_READ_CODES, _READ_VALUES, types.int64, FLAGS, _READ_CODES))
def best_of(codes: Codes, values: Values, most: int, flags: Flags, hidden: Codes) -> Codes:
    """The `most` best of distinct scored codes that may be shown, best first, equal ones by code."""
    size = min(max(most, 0), len(codes))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count = 0
    if size == 0:
        return found
    for row in range(len(codes)):
        if count == size and values[row] < scores[0]:
            continue
        if flags[codes[row]] and not is_in(hidden, codes[row]):
            count = offer(scores, found, count, values[row], codes[row])
    return kept(scores, found, count)[1]
