"""How good a list is, as functions of arrays: ranking quality, what lies beyond it, and how sure one may be.

Invariants: a ranked list is a row of item codes, best first, padded with -1; nothing is sampled; a query
without truth scores NaN and no average counts it.
"""

from recsys.metrics.beyond_accuracy import (
    category_diversity,
    coverage,
    exposure,
    gini,
    mean_percentile,
    novelty,
    percentiles,
    personalisation,
)
from recsys.metrics.bootstrap import Difference, Interval, adjusted, bootstrap_interval, paired_difference
from recsys.metrics.ranking import (
    Truth,
    average_precision,
    discounts,
    hit_rate,
    mrr,
    ndcg,
    per_user_mean,
    recall,
    weighted_ndcg,
)

__all__ = [
    "Difference",
    "Interval",
    "Truth",
    "adjusted",
    "average_precision",
    "bootstrap_interval",
    "category_diversity",
    "coverage",
    "discounts",
    "exposure",
    "gini",
    "hit_rate",
    "mean_percentile",
    "mrr",
    "ndcg",
    "novelty",
    "paired_difference",
    "per_user_mean",
    "percentiles",
    "personalisation",
    "recall",
    "weighted_ndcg",
]
