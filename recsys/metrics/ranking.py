"""Ranking metrics, one value per query; an item is relevant or not, and may be worth more than another.

Throughout, `ranked: int32[q, w]` holds item codes, best first, padded with -1; `truth` the relevant codes of
each query; `k` the cut. Ranks count from 1. A list shorter than k is scored as it is; an item listed twice
counts at its first place only. Every function returns float64[q], NaN where a query has no truth.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InputError

__all__ = [
    "Truth",
    "average_precision",
    "discounts",
    "hit_rate",
    "mrr",
    "ndcg",
    "per_user_mean",
    "recall",
    "weighted_ndcg",
]

Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The relevant items of each query in compressed rows: `items[offsets[q]:offsets[q + 1]]`."""

    offsets: NDArray[np.int64]
    items: Codes
    """Distinct codes within a query; each -1 is one more relevant item that no list can name (a cold one)."""

    @classmethod
    def of(cls, rows: Sequence[Collection[int] | Codes]) -> Self:
        """Compress one collection of relevant codes per query; otherwise as `of_pairs`."""
        sizes = np.array([len(row) for row in rows], dtype=np.int64)
        items = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(sizes.sum()))
        return cls.of_pairs(np.repeat(np.arange(len(rows)), sizes), items, len(rows))

    @classmethod
    def of_pairs(cls, queries: NDArray[np.integer], items: Codes, count: int) -> Self:
        """Group aligned columns: `items[i]` is relevant to query `queries[i]`, one of `count`.

        A repeated code counts once, but -1 as often as it occurs: what the release does not know stays in
        the truth.
        """
        order = np.lexsort((items, queries))
        query, item = queries[order], items[order]
        same = (query[1:] == query[:-1]) & (item[1:] == item[:-1]) & (item[1:] >= 0)
        kept = np.concatenate([np.ones(min(len(item), 1), dtype=np.bool_), ~same])
        offsets = np.searchsorted(query[kept], np.arange(count + 1))
        return cls(offsets.astype(np.int64), item[kept].astype(np.int32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many items are relevant to each query: int64[q]."""
        return np.diff(self.offsets)


def recall(ranked: Codes, truth: Truth, k: int) -> Values:
    """Recall@k: the share of *all* relevant items found in the first k, |hits| / |truth|.

    The plain variant: with more than k relevant items it stays below 1. Papers that divide by min(k, |truth|)
    report higher values.
    """
    return _per_truth(_hits(ranked, truth, k).sum(axis=1), truth, truth.sizes)


def hit_rate(ranked: Codes, truth: Truth, k: int) -> Values:
    """HR@k: 1 when any relevant item is in the first k, else 0.

    Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22(1), 2004, pp. 143-177.
    """
    return _per_truth(_hits(ranked, truth, k).max(axis=1), truth)


def mrr(ranked: Codes, truth: Truth, k: int) -> Values:
    """The reciprocal rank of the first hit within k, else 0; the mean over queries is MRR@k.

    Voorhees, The TREC-8 question answering track report, 1999, pp. 77-82.
    """
    hits = _hits(ranked, truth, k)
    first = hits.argmax(axis=1)
    return _per_truth(hits.any(axis=1) / (first + 1.0), truth)


def average_precision(ranked: Codes, truth: Truth, k: int) -> Values:
    """AP@k: precision at the rank of each hit within k, summed, over min(k, |truth|); its mean is MAP@k.

    The variant with the attainable number of hits below, so that a perfect list scores 1 at any k (as in the
    H&M competition's MAP@12); Buckley and Voorhees, SIGIR 2000, pp. 33-40, divide by |truth|.
    """
    hits = _hits(ranked, truth, k)
    precision = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    return _per_truth((precision * hits).sum(axis=1), truth, np.minimum(truth.sizes, k))


def ndcg(ranked: Codes, truth: Truth, k: int) -> Values:
    """NDCG@k: the sum of 1 / log2(rank + 1) over hits within k, divided by that of an ideal list cut at k.

    The ideal list has min(k, |truth|) hits at its top. Järvelin and Kekäläinen, Cumulated gain-based
    evaluation of IR techniques, ACM TOIS 20(4), 2002, pp. 422-446, with gains 0 and 1 and the discount of
    Burges et al., Learning to rank using gradient descent, ICML 2005, pp. 89-96.
    """
    hits = _hits(ranked, truth, k)
    worth = discounts(k)
    ideal = np.concatenate([[0.0], np.cumsum(worth)])[np.minimum(truth.sizes, k)]
    return _per_truth(hits @ worth, truth, ideal)


def weighted_ndcg(ranked: Codes, truth: Truth, gains: Values, k: int) -> Values:
    """NDCG@k where a hit is worth `gains[code]` (a price, a margin): discounted worth found over the best order's.

    `gains: float64[n]` by item code; what is unknown (NaN, a code past the end, -1) or not above zero is worth
    nothing, and a query whose truth is worth nothing is NaN. Järvelin and Kekäläinen, ACM TOIS 20(4), 2002,
    pp. 422-446, with the item's money as graded gain.
    """
    worth = np.append(np.nan_to_num(np.maximum(gains, 0.0)), 0.0)  # the last place: -1 and unknown codes
    codes = np.full((len(ranked), k), -1)
    codes[:, : ranked.shape[1]] = ranked[:, :k]
    found = (_hits(ranked, truth, k) * _worth_of(worth, codes)) @ discounts(k)
    best = _worth_of(worth, truth.items)
    queries = np.repeat(np.arange(len(truth)), truth.sizes)
    order = np.lexsort((-best, queries))
    place = np.arange(len(order)) - np.repeat(truth.offsets[:-1], truth.sizes)
    counted = np.where(place < k, discounts(k)[np.minimum(place, k - 1)] * best[order], 0.0)
    ideal = np.bincount(queries, weights=counted, minlength=len(truth))
    result = np.full(len(truth), np.nan)
    np.divide(found, ideal, out=result, where=ideal > 0)
    return result


def per_user_mean(values: Values, users: NDArray[np.integer]) -> tuple[NDArray[np.integer], Values]:
    """Average the queries of each user first, so that a user with many queries weighs no more than another.

    `values: float64[q]`, `users: int[q]` → the distinct users, ascending, and float64[n_users]. Queries that
    are NaN do not count; a user with no other query is left out.
    """
    counted = ~np.isnan(values)
    distinct, place = np.unique(users[counted], return_inverse=True)
    sums = np.bincount(place, weights=values[counted], minlength=len(distinct))
    return distinct, sums / np.bincount(place, minlength=len(distinct))


def _hits(ranked: Codes, truth: Truth, k: int) -> Flags:
    """bool[q, k]: whether the item at each place is relevant and was not listed before."""
    if ranked.ndim != 2 or len(ranked) != len(truth):
        raise InputError(f"ranked has shape {ranked.shape}; expected [{len(truth)}, list length]")
    if k < 1:
        raise InputError(f"k is {k!r}; expected at least 1")
    top = np.full((len(ranked), k), -1, dtype=np.int64)
    top[:, : ranked.shape[1]] = ranked[:, :k]
    width = 2 + int(max(top.max(initial=0), truth.items.max(initial=0)))
    row_starts = np.arange(len(truth), dtype=np.int64) * width + 1  # -1 has the key before its row's first
    relevant = np.sort((np.repeat(row_starts, truth.sizes) + truth.items)[truth.items >= 0])
    if not len(relevant):
        return np.zeros(top.shape, np.bool_)
    keys = row_starts[:, None] + top
    places = np.minimum(np.searchsorted(relevant, keys), len(relevant) - 1)
    hits: Flags = (relevant[places] == keys) & (top >= 0)
    return hits & _first_places(keys) if _repeats(top) else hits


def _repeats(top: NDArray[np.int64]) -> bool:
    """Whether any row names an item twice; sorting short rows is much quicker than finding first places."""
    ordered = np.sort(top, axis=1)
    return bool(np.any((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)))


def discounts(k: int) -> Values:
    """1 / log2(rank + 1) of the ranks 1 to k."""
    worth: Values = 1.0 / np.log2(np.arange(2, k + 2))
    return worth


def _worth_of(worth: Values, codes: NDArray[np.integer]) -> Values:
    last = len(worth) - 1
    return worth[np.where((codes >= 0) & (codes < last), codes, last)]


def _first_places(keys: NDArray[np.int64]) -> Flags:
    """True at the first occurrence of each key."""
    first = np.zeros(keys.size, dtype=np.bool_)
    first[np.unique(keys.ravel(), return_index=True)[1]] = True
    return first.reshape(keys.shape)


def _per_truth(
    numerator: NDArray[np.number] | Flags, truth: Truth, divisor: NDArray[np.number] | None = None
) -> Values:
    """Divide where there is truth; NaN elsewhere."""
    result = np.full(len(truth), np.nan)
    known = truth.sizes > 0
    result[known] = numerator[known] / (1 if divisor is None else divisor[known])
    return result
