"""How good a list is, as functions of arrays: ranking quality, what lies beyond it, and how sure one may be.

Invariants: a ranked list is a row of item codes, best first, padded with -1; nothing is sampled; a query
without truth scores NaN and no average counts it.
"""

from recsys.metrics.beyond_accuracy import category_diversity, coverage, exposure, gini, novelty
from recsys.metrics.bootstrap import Interval, bootstrap_interval, paired_difference
from recsys.metrics.ranking import (
    Truth,
    average_precision,
    hit_rate,
    mrr,
    ndcg,
    per_user_mean,
    recall,
)

__all__ = [
    "Interval",
    "Truth",
    "average_precision",
    "bootstrap_interval",
    "category_diversity",
    "coverage",
    "exposure",
    "gini",
    "hit_rate",
    "mrr",
    "ndcg",
    "novelty",
    "paired_difference",
    "per_user_mean",
    "recall",
]
