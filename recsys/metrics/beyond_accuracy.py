"""What a set of lists does to the catalogue and to variety; item codes -1 (padding) are never counted.

Throughout, `ranked: int32[q, w]` holds one list per row, best first. A value that cannot be formed (no list,
no item) is NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["category_diversity", "coverage", "exposure", "gini", "novelty"]

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


def _mean_of_lists(sums: NDArray[Any], sizes: NDArray[Any]) -> float:
    counted = sizes > 0
    return float(np.mean(sums[counted] / sizes[counted])) if counted.any() else float("nan")
