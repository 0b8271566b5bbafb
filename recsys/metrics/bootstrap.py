"""How sure a mean over shoppers is: percentile intervals by resampling whole shoppers, and chance among many.

Invariants: the same values and seed give the same interval; NaN values (shoppers without truth) never count.
Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 (intervals) and 16 (tests).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InputError

__all__ = ["Difference", "Interval", "adjusted", "bootstrap_interval", "paired_difference"]

Values = NDArray[np.float64]

_DRAWS_AT_ONCE: Final = 4_000_000
"""Draws per block: 16 MB of indices whatever the number of shoppers."""
_FEW: Final = 8
"""Values per distinct value from which drawing by value is the faster way."""


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


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """A mean difference over `count` shoppers with its interval, and how easily chance alone would show it."""

    p_value: float
    """Two-sided, in (0, 1]; NaN when nobody counts."""


def bootstrap_interval(values: Values, *, seed: int, samples: int = 1_000, level: float = 0.95) -> Interval:
    """The mean of `values: float64[n]`, one per shopper, with its percentile interval at `level`.

    Shoppers are drawn with replacement `samples` times. Raises InputError for a level outside (0, 1) or no
    samples.
    """
    _require(level, samples)
    counted = values[~np.isnan(values)]
    return _interval(counted, _resampled(counted, seed, samples), level)


def paired_difference(
    challenger: Values, champion: Values, *, seed: int, samples: int = 1_000, level: float = 0.95
) -> Difference:
    """The mean of `challenger - champion` over the same shoppers, row by row, with interval and p-value.

    A shopper who is NaN in either does not count. Pairing removes what makes shoppers differ from each other,
    so the interval is narrower than two separate ones. The p-value is twice the share of resampled means on
    the far side of zero (zero itself is on both sides), never below 2 / (samples + 1): to correct for m
    comparisons at 5 %, take more than 40 m samples. Raises InputError when the lengths differ.
    """
    if challenger.shape != champion.shape:
        raise InputError(f"{challenger.shape} and {champion.shape} values are not of the same shoppers")
    _require(level, samples)
    changes = challenger - champion
    counted = changes[~np.isnan(changes)]
    means = _resampled(counted, seed, samples)
    found = _interval(counted, means, level)
    return Difference(found.mean, found.low, found.high, found.count, _p_value(means))


def adjusted(p_values: Values) -> Values:
    """Holm's step-down correction of `p_values: float64[m]`: adjusted p-values in the same order.

    Calling those below 5 % real makes any false alarm among all m comparisons at most 5 % likely, however they
    depend on each other. NaN (nobody compared) stays NaN and is no comparison. Holm, A simple sequentially
    rejective multiple test procedure, Scandinavian Journal of Statistics 6(2), 1979, pp. 65-70.
    """
    asked = np.flatnonzero(~np.isnan(p_values))
    order = asked[np.argsort(p_values[asked], kind="stable")]
    stepped = p_values[order] * np.arange(len(order), 0, -1)
    result = np.full(len(p_values), np.nan)
    result[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return result


def _require(level: float, samples: int) -> None:
    if not 0.0 < level < 1.0 or samples < 1:
        raise InputError(f"level {level!r} must lie between 0 and 1, samples {samples!r} be at least 1")


def _interval(counted: Values, means: Values, level: float) -> Interval:
    if not len(counted):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(counted.mean()), float(low), float(high), len(counted))


def _p_value(means: Values) -> float:
    if not len(means):
        return float("nan")
    # Sums in another order leave a residue of rounding where the mean is zero.
    close = 1e-12
    rarer = min(int(np.sum(means <= close)), int(np.sum(means >= -close)))
    return min(1.0, 2.0 * (rarer + 1) / (len(means) + 1))


def _resampled(values: Values, seed: int, samples: int) -> Values:
    """Means of `samples` draws of n out of n with replacement: float64[samples]; empty when n is 0."""
    if not len(values):
        return np.empty(0)
    generator = np.random.default_rng(seed)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) * _FEW <= len(values):
        # How often each distinct value is drawn is multinomial: the same resampling for far fewer draws.
        drawn = generator.multinomial(len(values), counts / len(values), size=samples)
        means: Values = drawn @ distinct / len(values)
        return means
    return np.concatenate(list(_blocks(values, samples, generator)))


def _blocks(values: Values, samples: int, generator: np.random.Generator) -> Iterator[Values]:
    block = max(1, _DRAWS_AT_ONCE // len(values))
    for start in range(0, samples, block):
        size = (min(block, samples - start), len(values))
        yield values[generator.integers(0, len(values), size=size, dtype=np.int32)].mean(axis=1)
