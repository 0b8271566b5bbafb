"""How sure a mean over shoppers is: percentile intervals by resampling whole shoppers.

Invariants: the same values and seed give the same interval; NaN values (shoppers without truth) never count.
Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InputError

__all__ = ["Interval", "bootstrap_interval", "paired_difference"]

Values = NDArray[np.float64]

_DRAWS_AT_ONCE: Final = 4_000_000
"""Draws per block: 32 MB of indices whatever the number of shoppers."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `count` shoppers and the bounds of its interval; all NaN when nobody counts."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def excludes_zero(self) -> bool:
        """Whether both bounds lie on one side of zero: a difference that is more than noise."""
        return self.low > 0.0 or self.high < 0.0


def bootstrap_interval(values: Values, *, seed: int, samples: int = 1_000, level: float = 0.95) -> Interval:
    """The mean of `values: float64[n]`, one per shopper, with its percentile interval at `level`.

    Shoppers are drawn with replacement `samples` times. Raises InputError for a level outside (0, 1) or no
    samples.
    """
    if not 0.0 < level < 1.0 or samples < 1:
        raise InputError(f"level {level!r} must lie between 0 and 1, samples {samples!r} be at least 1")
    counted = values[~np.isnan(values)]
    if not len(counted):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    means = np.concatenate(list(_resampled_means(counted, samples, np.random.default_rng(seed))))
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(counted.mean()), float(low), float(high), len(counted))


def paired_difference(
    challenger: Values, champion: Values, *, seed: int, samples: int = 1_000, level: float = 0.95
) -> Interval:
    """The mean of `challenger - champion` over the same shoppers, row by row, with its interval.

    A shopper who is NaN in either does not count. Pairing removes what makes shoppers differ from each other,
    so the interval is narrower than two separate ones. Raises InputError when the lengths differ.
    """
    if challenger.shape != champion.shape:
        raise InputError(f"{challenger.shape} and {champion.shape} values are not of the same shoppers")
    return bootstrap_interval(challenger - champion, seed=seed, samples=samples, level=level)


def _resampled_means(values: Values, samples: int, generator: np.random.Generator) -> Iterator[Values]:
    block = max(1, _DRAWS_AT_ONCE // len(values))
    for start in range(0, samples, block):
        draws = generator.integers(0, len(values), size=(min(block, samples - start), len(values)))
        yield values[draws].mean(axis=1)
