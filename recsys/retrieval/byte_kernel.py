"""Inner products read from bytes, compiled: a quarter of the memory, and the answers of whole vectors.

A row is compared as bytes first. What its rounding can hide is known (`recsys.retrieval.byte_rows`), so an upper bound
of the inner product follows (Cauchy-Schwarz on what was rounded away); only a row whose bound reaches the k-th best
score so far is compared as a whole, and only that comparison counts. Rows that fall in length let a search stop early:
an inner product is never above the product of both lengths (Teflioudi, Gemulla, Mykytiuk, "LEMP: Fast Retrieval of
Large Entries in a Matrix Product", SIGMOD 2015, §3). Factor models make long vectors for what many want, so a tenth of
a catalogue decides.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from recsys.compiled import compiled, read_only, tuple_of
from recsys.retrieval.choice_kernel import FLAGS, is_in, kept, offer, sink
from recsys.retrieval.scan_kernel import dot

__all__ = [
    "LEVELS",
    "ROUNDING",
    "STRIDE",
    "Clusters",
    "Gate",
    "Rows",
    "held_of",
    "places_of",
    "scan_chosen",
    "scan_falling",
    "scan_lists",
]

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]
Words = npt.NDArray[np.int16]
Wholes = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Rows = tuple[Bytes, Values, Codes, Values]
"""Bytes int8[n, w], (scale, error) float32[n, 2], codes int32[n], and the whole vectors float32[items, d] by code."""
Gate = tuple[Flags, Codes]
"""Who may be found: flags bool[items], empty for all, less the codes of an ascending list."""
Clusters = tuple[Bytes, Values, Offsets]
"""Centres as bytes int8[l, w] and (scale, error) float32[l, 2]; the rows of list i are offsets[i] : offsets[i + 1]."""

STRIDE: Final = 64
"""Bytes of a row are filled up with zeros to a multiple of this many."""
LEVELS: Final = 16_383
"""A query is rounded to whole numbers up to this: 512 products with bytes stay within 32 bits."""
ROUNDING: Final = 2e-5
"""More than float32 sums of up to 512 products can be off, relative to both lengths."""
_BLOCK: Final = 64
"""Rows that are compared as bytes before the best of them are looked at."""

_READ_CODES: Final = read_only(types.int32)
_READ_VALUES: Final = read_only(types.float32)
_READ_ROWS: Final = read_only(types.float32, 2)
_READ_BYTES: Final = read_only(types.int8, 2)
_READ_OFFSETS: Final = read_only(types.int64)
_WORDS: Final = types.int16[::1]
_WHOLES: Final = types.int32[::1]
_FOUND: Final = tuple_of(types.float32[::1], types.int32[::1])
_FOUND_AND_SEEN: Final = tuple_of(types.float32[::1], types.int32[::1], types.int64)
_ROWS: Final = tuple_of(_READ_BYTES, _READ_ROWS, _READ_CODES, _READ_ROWS)
_GATE: Final = tuple_of(FLAGS, _READ_CODES)
_CLUSTERS: Final = tuple_of(_READ_BYTES, _READ_ROWS, _READ_OFFSETS)


@compiled(tuple_of(_WORDS, types.float32, types.float32)(_READ_VALUES, types.int64))
def _rounded(query: Values, width: int) -> tuple[Words, Any, Any]:
    """A query as whole numbers int16[w], what one is worth, and the query's length."""
    largest, squares = np.float32(0), np.float64(0)
    for value in query:
        largest = max(largest, abs(value))
        squares += np.float64(value) * np.float64(value)
    words = np.zeros(width, np.int16)
    unit = largest / np.float32(LEVELS)
    if unit > 0:
        for place in range(len(query)):
            words[place] = np.int16(np.rint(query[place] / unit))
    return words, unit, np.float32(np.sqrt(squares))


@compiled(types.void(_READ_BYTES, types.int64, types.int64, _WORDS, _WHOLES))
def _multiply(rows: Bytes, first: int, last: int, words: Words, products: Wholes) -> None:
    """Sums of products of the rows from `first` to before `last`.

    The usual widths are written out, which the compiler turns into a few wide instructions a row.
    """
    if len(words) == 64:
        for row in range(first, last):
            total = np.int32(0)
            for place in range(64):
                total = np.int32(total + np.int32(np.int32(rows[row, place]) * np.int32(words[place])))
            products[row - first] = total
    elif len(words) == 128:
        for row in range(first, last):
            total = np.int32(0)
            for place in range(128):
                total = np.int32(total + np.int32(np.int32(rows[row, place]) * np.int32(words[place])))
            products[row - first] = total
    else:
        for row in range(first, last):
            total = np.int32(0)
            for place in range(len(words)):
                total = np.int32(total + np.int32(np.int32(rows[row, place]) * np.int32(words[place])))
            products[row - first] = total


@compiled(types.void(_READ_BYTES, _READ_CODES, types.int64, types.int64, _WORDS, _WHOLES))
def _multiply_at(rows: Bytes, places: Codes, first: int, last: int, words: Words, products: Wholes) -> None:
    """Sums of products of the rows at `places[first:last]`."""
    if len(words) == 64:
        for place in range(first, last):
            row, total = places[place], np.int32(0)
            for at in range(64):
                total = np.int32(total + np.int32(np.int32(rows[row, at]) * np.int32(words[at])))
            products[place - first] = total
    else:
        for place in range(first, last):
            row, total = places[place], np.int32(0)
            for at in range(len(words)):
                total = np.int32(total + np.int32(np.int32(rows[row, at]) * np.int32(words[at])))
            products[place - first] = total


@compiled(_FOUND_AND_SEEN(_ROWS, _READ_VALUES, _GATE, _READ_VALUES, types.int64))
def scan_falling(
    rows: Rows, lengths: Values, gate: Gate, query: Values, most: int
) -> tuple[Values, Codes, int]:
    """The `most` best items, scores and codes, best first; and how many rows had to be looked at.

    `lengths: float32[n]` of the rows fall.
    """
    numbers, scales, codes, vectors = rows
    flags, hidden = gate
    size = min(most, len(codes))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count, row = 0, 0
    if size == 0:
        return scores, found, 0
    words, unit, length = _rounded(query, numbers.shape[1])
    products = np.empty(_BLOCK, np.int32)
    reach, bar = length * np.float32(1 + ROUNDING), np.float32(-np.inf)
    while row < len(codes) and reach * lengths[row] >= bar:
        last = min(row + _BLOCK, len(codes))
        _multiply(numbers, row, last, words, products)
        for at in range(row, last):
            if unit * scales[at, 0] * np.float32(products[at - row]) + length * scales[at, 1] < bar:
                continue
            code = codes[at]
            if (len(flags) == 0 or flags[code]) and (len(hidden) == 0 or not is_in(hidden, code)):
                count = offer(scores, found, count, dot(vectors, code, query), code)
                if count == size:
                    bar = scores[0]
        row = last
    best, best_codes = kept(scores, found, count)
    return best, best_codes, row


@compiled(_FOUND(_ROWS, _READ_CODES, _READ_VALUES, _READ_CODES, _READ_VALUES, types.int64))
def scan_chosen(
    rows: Rows, places: Codes, lengths: Values, hidden: Codes, query: Values, most: int
) -> tuple[Values, Codes]:
    """The `most` best of the rows at ascending `places`, less the items in `hidden`: scores and codes, best first.

    `lengths: float32[n]` of the rows fall; empty if they do not.
    """
    numbers, scales, codes, vectors = rows
    size = min(most, len(places))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count = 0
    if size == 0:
        return scores, found
    words, unit, length = _rounded(query, numbers.shape[1])
    products = np.empty(_BLOCK, np.int32)
    reach, bar = length * np.float32(1 + ROUNDING), np.float32(-np.inf)
    for first in range(0, len(places), _BLOCK):
        if len(lengths) > 0 and reach * lengths[places[first]] < bar:
            break
        last = min(first + _BLOCK, len(places))
        _multiply_at(numbers, places, first, last, words, products)
        for place in range(first, last):
            at = places[place]
            if unit * scales[at, 0] * np.float32(products[place - first]) + length * scales[at, 1] < bar:
                continue
            code = codes[at]
            if len(hidden) == 0 or not is_in(hidden, code):
                count = offer(scores, found, count, dot(vectors, code, query), code)
                if count == size:
                    bar = scores[0]
    return kept(scores, found, count)


@compiled(tuple_of(types.float32[::1], types.int32[::1])(_CLUSTERS, _READ_CODES, _WORDS))
def _by_nearness(clusters: Clusters, held: Codes, words: Words) -> tuple[Values, Codes]:
    """Lists that hold anything allowed, as a heap with the nearest (the lowest negated product) on top."""
    centres, scales, offsets = clusters
    far, lists = np.empty(len(centres), np.float32), np.empty(len(centres), np.int32)
    products = np.empty(len(centres), np.int32)
    _multiply(centres, 0, len(centres), words, products)
    count = 0
    for number in range(len(centres)):
        some = held[number] if len(held) > 0 else offsets[number + 1] - offsets[number]
        if some > 0:
            far[count] = -scales[number, 0] * np.float32(products[number])
            lists[count] = number
            count += 1
    for place in range(count // 2 - 1, -1, -1):
        sink(far, lists, place, count, far[place], lists[place])
    return far[:count], lists[:count]


@compiled(
    _FOUND_AND_SEEN(
        _ROWS, _CLUSTERS, _GATE, _READ_CODES, _READ_VALUES, types.int64, types.int64, types.float64
    )
)
def scan_lists(
    rows: Rows,
    clusters: Clusters,
    gate: Gate,
    held: Codes,
    query: Values,
    most: int,
    probes: int,
    enough: float,
) -> tuple[Values, Codes, int]:
    """The `most` best items of the lists nearest to a query, best first; and how many rows were looked at.

    At least `probes` lists are read, and as many as hold `enough` allowed items (`held: int32[l]` by list, or empty for
    all of them), and as it takes to find `most`.
    """
    numbers, scales, codes, vectors = rows
    flags, hidden = gate
    size = min(most, len(codes))
    scores, found = np.empty(size, np.float32), np.empty(size, np.int32)
    count, seen, met = 0, 0, 0
    if size == 0:
        return scores, found, 0
    words, unit, length = _rounded(query, numbers.shape[1])
    far, lists = _by_nearness(clusters, held, words)
    products = np.empty(_BLOCK, np.int32)
    bar, done = np.float32(-np.inf), 0
    for left in range(len(lists) - 1, -1, -1):
        if done >= probes and met >= enough and count == size:
            break
        number = lists[0]
        if left > 0:
            sink(far, lists, 0, left, far[left], lists[left])
        first, last = clusters[2][number], clusters[2][number + 1]
        for start in range(first, last, _BLOCK):
            end = min(start + _BLOCK, last)
            _multiply(numbers, start, end, words, products)
            for at in range(start, end):
                if unit * scales[at, 0] * np.float32(products[at - start]) + length * scales[at, 1] < bar:
                    continue
                code = codes[at]
                if (len(flags) == 0 or flags[code]) and (len(hidden) == 0 or not is_in(hidden, code)):
                    count = offer(scores, found, count, dot(vectors, code, query), code)
                    if count == size:
                        bar = scores[0]
        done += 1
        seen += last - first
        met += held[number] if len(held) > 0 else last - first
    best, best_codes = kept(scores, found, count)
    return best, best_codes, seen


@compiled(types.int32[::1](_READ_CODES, FLAGS, types.int64))
def places_of(codes: Codes, flags: Flags, count: int) -> Codes:
    """Where the `count` flagged items stand in an order, ascending: one pass, for sets that are made anew."""
    # Written whether flagged or not, and kept if so: a branch would be guessed wrongly too often.
    places, found = np.empty(count + 1, np.int32), 0
    for place in range(len(codes)):
        places[found] = place
        found = min(found + flags[codes[place]], count)
    return places[:found]


@compiled(types.int32[::1](_READ_CODES, FLAGS, _READ_OFFSETS))
def held_of(codes: Codes, flags: Flags, starts: Offsets) -> Codes:
    """How many flagged items each list holds."""
    held = np.zeros(len(starts) - 1, np.int32)
    for number in range(len(held)):
        some = 0
        for place in range(starts[number], starts[number + 1]):
            some += flags[codes[place]]
        held[number] = some
    return held
