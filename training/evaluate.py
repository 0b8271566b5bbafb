"""What a set of lists is worth: figures with intervals, by part of the exam, and by slice of shoppers.

Invariants: every system is measured on the same questions, over the whole catalogue; a shopper's questions are
averaged first, figures are means over shoppers with bootstrap intervals; values by question are kept, so that
systems can be compared pair by pair.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.metrics import (
    Interval,
    Truth,
    average_precision,
    bootstrap_interval,
    category_diversity,
    coverage,
    exposure,
    gini,
    hit_rate,
    mean_percentile,
    mrr,
    ndcg,
    novelty,
    per_user_mean,
    percentiles,
    personalisation,
    recall,
    weighted_ndcg,
)
from training.config import METRIC_NAMES
from training.exam import Exam, Part
from training.protocol import Questions
from training.slices import slices

__all__ = [
    "BEYOND",
    "METRICS",
    "RELEASE",
    "Codes",
    "Lists",
    "Scores",
    "measure",
    "plain_interval",
    "slices",
]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Lists = Mapping[Part, Codes]
"""Ranked item codes int32[q, k], padded with -1, for the questions of each part."""

RELEASE: Final = "release"
METRICS: Final = dict(zip(METRIC_NAMES, (ndcg, recall, mrr, hit_rate, average_precision), strict=True))
BEYOND: Final = ("novelty", "diversity", "gini", "popularity_bias", "personalisation")
"""Figures of a whole set of lists besides coverage, `<name>@<k>` in `Scores.beyond`."""


@dataclass(frozen=True)
class Scores:
    """One system on one part; a metric is named `<metric>@<k>`."""

    system: str
    part: Part
    per_query: Mapping[str, Values]
    """Metric → float64[q]; NaN where there is nothing to find."""
    coverage: Mapping[str, float]
    """`coverage@<k>` → share of the eligible catalogue that is in anybody's list."""
    resamples: int
    seed: int
    users: Codes | None = None
    """Who asked, int32[q]; None: every question is another shopper's."""
    beyond: Mapping[str, float] = field(default_factory=dict)
    """What lists do beyond accuracy: names of `BEYOND` and `popularity` (mean percentile shown)."""

    def values(self, metric: str, rows: Rows | None = None) -> Values:
        """The metric of each shopper with anything to find among the questions `rows: bool[q]` (None: all).

        In the order of their codes, so that two systems on one exam are compared element by element.
        """
        values = self.per_query[metric]
        users = np.arange(len(values)) if self.users is None else self.users
        if rows is not None:
            values, users = values[rows], users[rows]
        return per_user_mean(values, users)[1]

    def interval(self, metric: str, rows: Rows | None = None) -> Interval:
        """The mean over shoppers and its 95 % interval, over the questions where `rows: bool[q]` is true."""
        return bootstrap_interval(self.values(metric, rows), seed=self.seed, samples=self.resamples)

    def plain(self) -> dict[str, object]:
        """JSON form: metric → {mean, low, high}; coverage and what lies beyond accuracy → number."""
        intervals = {metric: plain_interval(self.interval(metric)) for metric in self.per_query}
        numbers = {name: _number(value) for name, value in {**self.coverage, **self.beyond}.items()}
        return {**intervals, **numbers}


def measure(system: str, lists: Lists, exam: Exam, eligible: Rows) -> list[Scores]:
    """Score one system's lists on every part; `eligible: bool[n]` is what could have been shown."""
    config = exam.config
    return [
        Scores(
            system,
            part,
            dict(_per_query(lists[part], exam, questions)),
            {f"coverage@{k}": coverage(lists[part][:, :k], eligible) for k in config.k},
            config.resamples,
            exam.seed,
            questions.users,
            {
                f"{name}@{k}": value
                for k in config.k
                for name, value in _beyond(lists[part][:, :k], exam, questions, eligible)
            },
        )
        for part, questions in exam.questions.items()
    ]


def _per_query(ranked: Codes, exam: Exam, questions: Questions) -> Iterator[tuple[str, Values]]:
    answers = Truth(questions.truth.indptr.astype(np.int64), questions.truth.indices.astype(np.int32))
    worth = {"price_ndcg": exam.facts.price, "margin_ndcg": exam.facts.margin}
    for k in exam.config.k:
        for name, metric in METRICS.items():
            yield f"{name}@{k}", metric(ranked, answers, k)
        for name, gains in worth.items():
            if np.any(gains > 0):
                yield f"{name}@{k}", weighted_ndcg(ranked, answers, gains, k)


def _beyond(ranked: Codes, exam: Exam, questions: Questions, eligible: Rows) -> Iterator[tuple[str, float]]:
    touched, category = exam.touched, exam.facts.categories(len(eligible))
    strangers = np.zeros(max(0, len(eligible) - len(touched)), touched.dtype)
    touched = np.concatenate((touched, strangers))
    shown = mean_percentile(ranked, places := percentiles(touched))
    yield "novelty", novelty(ranked, touched, len(exam.log.users))
    yield "diversity", category_diversity(ranked, category)
    yield "gini", gini(exposure(ranked, eligible))
    yield "popularity", shown
    yield "popularity_bias", shown - _mean_truth(questions, places)
    yield "personalisation", personalisation(_one_each(ranked, questions), seed=exam.seed)


def _mean_truth(questions: Questions, places: Values) -> float:
    """Mean popularity percentile of the truth, each question's mean first."""
    sizes = np.diff(questions.truth.indptr)
    if not sizes.any():
        return math.nan
    sums = np.add.reduceat(places[questions.truth.indices], questions.truth.indptr[:-1][sizes > 0])
    return float(np.mean(sums / sizes[sizes > 0]))


def _one_each(ranked: Codes, questions: Questions) -> Codes:
    """The first list of every shopper."""
    return ranked[np.unique(questions.users, return_index=True)[1]]


def plain_interval(interval: Interval) -> dict[str, float | None]:
    """JSON form of an interval; None where nobody was asked."""
    return {"mean": _number(interval.mean), "low": _number(interval.low), "high": _number(interval.high)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
