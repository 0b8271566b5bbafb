"""What a set of lists is worth: figures with intervals, on all items and on new ones, by slice of shoppers.

Invariants: every system is measured on the same questions, over the whole catalogue; figures are means over
shoppers with bootstrap intervals; per-shopper values are kept, so that systems can be compared pair by pair.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.metrics import Interval, Truth, bootstrap_interval, coverage, hit_rate, mrr, ndcg, recall
from training.config import METRIC_NAMES
from training.exam import PARTS, Exam, Part
from training.protocol import Questions

__all__ = ["METRICS", "RELEASE", "Codes", "Lists", "Scores", "measure", "plain_interval", "slices"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Lists = Mapping[Part, Codes]
"""Ranked item codes int32[q, k], padded with -1, for the questions of each part."""

RELEASE: Final = "release"
METRICS: Final = dict(zip(METRIC_NAMES, (ndcg, recall, mrr, hit_rate), strict=True))
_BY_HISTORY: Final = ((0, 1), (1, 5), (5, 20), (20, 100), (100, math.inf))


@dataclass(frozen=True)
class Scores:
    """One system on one part; a metric is named `<metric>@<k>`."""

    system: str
    part: Part
    per_shopper: Mapping[str, Values]
    """Metric → float64[q]."""
    coverage: Mapping[str, float]
    """`coverage@<k>` → share of the eligible catalogue that is in anybody's list."""
    resamples: int
    seed: int

    def interval(self, metric: str, rows: Rows | None = None) -> Interval:
        """The mean and its 95 % interval, over the questions where `rows: bool[q]` is true."""
        values = self.per_shopper[metric]
        chosen = values if rows is None else values[rows]
        return bootstrap_interval(chosen, seed=self.seed, samples=self.resamples)

    def plain(self) -> dict[str, object]:
        """JSON form: metric → {mean, low, high}, coverage → number."""
        intervals = {metric: plain_interval(self.interval(metric)) for metric in self.per_shopper}
        return {**intervals, **{name: _number(value) for name, value in self.coverage.items()}}


def measure(system: str, lists: Lists, exam: Exam, eligible: Rows) -> list[Scores]:
    """Score one system's lists on both parts; `eligible: bool[n_items]` is what could have been shown."""
    config = exam.config
    return [
        Scores(
            system,
            part,
            dict(_per_shopper(lists[part], exam.questions[part].truth, config.k)),
            {f"coverage@{k}": coverage(lists[part][:, :k], eligible) for k in config.k},
            config.resamples,
            exam.seed,
        )
        for part in PARTS
    ]


def _per_shopper(
    ranked: Codes, truth: sparse.csr_matrix, ks: tuple[int, ...]
) -> Iterator[tuple[str, Values]]:
    answers = Truth(truth.indptr.astype(np.int64), truth.indices.astype(np.int32))
    for k in ks:
        for name, metric in METRICS.items():
            yield f"{name}@{k}", metric(ranked, answers, k)


def slices(questions: Questions, tagged: Rows) -> dict[str, Rows]:
    """Rows of each slice: shoppers by length of their history, and by whether they have attributes."""
    events = np.asarray(questions.seen.sum(axis=1)).ravel()
    by_history = {_range(low, high): (events >= low) & (events < high) for low, high in _BY_HISTORY}
    return {**by_history, "with attributes": tagged, "without attributes": ~tagged}


def plain_interval(interval: Interval) -> dict[str, float | None]:
    """JSON form of an interval; None where nobody was asked."""
    return {"mean": _number(interval.mean), "low": _number(interval.low), "high": _number(interval.high)}


def _range(low: float, high: float) -> str:
    if high == 1:
        return "no history"
    return f"{low}+ events" if math.isinf(high) else f"{low}-{high - 1} events"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
