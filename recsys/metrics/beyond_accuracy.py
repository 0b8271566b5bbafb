"""What a set of lists does to the catalogue and to variety; item codes -1 (padding) are never counted.

Throughout, `ranked: int32[q, w]` holds one list per row, best first. A value that cannot be formed (no list,
no item) is NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "category_diversity",
    "coverage",
    "exposure",
    "gini",
    "mean_percentile",
    "novelty",
    "percentiles",
    "personalisation",
]

Codes = NDArray[np.int32]
Counts = NDArray[np.int64]


def exposure(ranked: Codes, eligible: NDArray[np.bool_]) -> Counts:
    """How many lists show each eligible item (`eligible: bool[n]`): int64[number of eligible items]."""
    shown = np.bincount(ranked[ranked >= 0], minlength=len(eligible))
    return shown[eligible].astype(np.int64)


def coverage(ranked: Codes, eligible: NDArray[np.bool_]) -> float:
    """Catalogue coverage: the share of eligible items that at least one list shows.

    Ge, Delgado-Battenfeld and Jannach, Beyond accuracy, RecSys 2010, pp. 257-260.
    """
    shown = exposure(ranked, eligible)
    return float(np.mean(shown > 0)) if len(shown) else float("nan")


def gini(counts: NDArray[Any]) -> float:
    """Gini coefficient of `counts: [n]` (exposures or sales): 0 all equal, (n - 1) / n all on one item.

    The mean absolute difference over twice the mean; Gini 1912, as in Shani and Gunawardana, Evaluating
    recommendation systems, Recommender Systems Handbook, 2011, pp. 257-297 (scaled there by n / (n - 1)).
    """
    values = np.sort(np.asarray(counts, dtype=np.float64))
    if not values.sum():
        return float("nan")
    ranks = np.arange(1, len(values) + 1)
    return float(np.sum((2 * ranks - len(values) - 1) * values) / (len(values) * values.sum()))


def novelty(ranked: Codes, touched: NDArray[Any], shoppers: int) -> float:
    """Mean self-information in bits of what is shown: -log2 of the share of shoppers who touched it before.

    `touched: [n]` counts distinct shoppers per item out of `shoppers`; an item nobody touched counts as
    touched by one. The mean is taken within each list first. Zhou et al., Solving the apparent
    diversity-accuracy dilemma of recommender systems, PNAS 107(10), 2010, pp. 4511-4515.
    """
    bits = np.log2(shoppers) - np.log2(np.maximum(np.asarray(touched, dtype=np.float64), 1.0))
    padded = np.append(bits, 0.0)  # code -1 reads the last place
    return _mean_of_lists(padded[ranked].sum(axis=1), (ranked >= 0).sum(axis=1))


def category_diversity(ranked: Codes, category: Codes) -> float:
    """Share of the pairs within a list whose categories differ, averaged over lists with at least two items.

    `category: int32[n]` by item code; items without one (-1) are left out. The complement of the intra-list
    similarity of Ziegler et al., WWW 2005, pp. 22-32, for a similarity of 1 within a category and 0 across.
    """
    labels = np.append(category, -1)[ranked].astype(np.int64)
    width = 1 + int(labels.max(initial=0))
    rows, places = np.nonzero(labels >= 0)
    keys, counts = np.unique(rows * width + labels[rows, places], return_counts=True)
    sizes = np.bincount(rows, minlength=len(ranked))
    same = np.bincount(keys // width, weights=counts * (counts - 1.0), minlength=len(ranked))
    pairs = sizes * (sizes - 1)
    return _mean_of_lists(pairs - same, pairs)


def percentiles(touched: NDArray[Any]) -> NDArray[np.float64]:
    """Popularity percentile of each item in (0, 1): the share of items less popular, ties counted half.

    `touched: [n]` counts distinct shoppers per item.
    """
    ordered = np.sort(touched)
    below, upto = (np.searchsorted(ordered, touched, side) for side in ("left", "right"))
    return (below + upto) / (2.0 * max(len(touched), 1))


def mean_percentile(ranked: Codes, places: NDArray[np.float64]) -> float:
    """Mean popularity percentile (`places: float64[n]`) of what lists hold, the mean of each list first.

    The popularity bias of a system is this figure of its lists minus that of the truth: above 0 it shows more
    popular items than shoppers want. After the average popularity of recommended items of Yin et al.,
    Challenging the long tail recommendation, PVLDB 5(9), 2012, pp. 896-907, in percentiles, so that shops of
    different size can be read side by side.
    """
    known = (ranked >= 0) & (ranked < len(places))
    found = np.append(places, 0.0)[np.where(known, ranked, len(places))]
    return _mean_of_lists(found.sum(axis=1), known.sum(axis=1))


def personalisation(ranked: Codes, *, seed: int, pairs: int = 2_000) -> float:
    """1 - the mean share of items that the lists of two different shoppers have in common: 0 all lists alike.

    `ranked` holds one list per shopper; `pairs` pairs of rows are drawn by `seed`. The inter-list distance of
    Zhou et al., PNAS 107(10), 2010, pp. 4511-4515; of lists of unequal length the longer one is 100 %, and two
    empty lists say nothing. NaN for fewer than two lists.
    """
    if len(ranked) < 2:
        return float("nan")
    generator = np.random.default_rng(seed)
    one = generator.integers(0, len(ranked), pairs)
    other = (one + generator.integers(1, len(ranked), pairs)) % len(ranked)
    ours, theirs = ranked[one], ranked[other]
    common = ((ours[:, :, None] == theirs[:, None, :]) & (ours[:, :, None] >= 0)).sum(axis=(1, 2))
    return 1.0 - _mean_of_lists(common, np.maximum((ours >= 0).sum(axis=1), (theirs >= 0).sum(axis=1)))


def _mean_of_lists(sums: NDArray[Any], sizes: NDArray[Any]) -> float:
    counted = sizes > 0
    return float(np.mean(sums[counted] / sizes[counted])) if counted.any() else float("nan")
