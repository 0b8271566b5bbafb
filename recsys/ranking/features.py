"""What the ranker sees of each candidate: every feature is defined here, once, for training and for a request.

A matrix is feature-major, float32[features, candidates], finite. A feature looks at the history at hand, the release
and the sources' scores, never at the clock: batch equals live.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.catalogue import Catalogue
from recsys.models.item_stats import ITEM_COLUMNS, ItemStats
from recsys.models.repeats import Repeats
from recsys.past import Past
from recsys.retrieval.source import Codes, Taste, Values

__all__ = ["COARSE", "FEATURES", "MONOTONE", "FeatureTable", "Matrix"]

Matrix = npt.NDArray[np.float32]

_SOURCES: Final = ("own", "sessions", "taste", "together", "linked", "alike", "trending")
_OWN: Final = (
    "own_events",
    "own_purchases",
    "own_carts",
    "own_age",
    "own_bought_age",
    "own_interval",
    "own_due",
    "own_depth",
    "own_in_session",
    "own_week",
    "own_quarter",
    "own_rate",
    "own_rebuy_due",
)
_AFFINITY: Final = (
    "leaf_share",
    "leaf_lately",
    "top_share",
    "top_lately",
    "brand_share",
    "price_gap",
)
_LAST: Final = ("last_alike", "same_leaf_as_last")
_SHOPPER: Final = (
    "shopper_events",
    "shopper_items",
    "shopper_returning",
    "shopper_buys",
    "session_events",
    "session_age",
    "opens_visit",
)
FEATURES: Final = (
    "rule",
    "relative_rule",
    *(f"score_{name}" for name in _SOURCES),
    *(f"relative_{name}" for name in _SOURCES),
    *_OWN,
    *_AFFINITY,
    *_LAST,
    *ITEM_COLUMNS,
    "item_rebuy",
    "item_cycle",
    *_SHOPPER,
)
"""Names of the rows of a matrix, in order."""
_RISING: Final = (
    "rule",
    "relative_rule",
    *(f"{kind}_{name}" for kind in ("score", "relative") for name in _SOURCES),
    "own_week",
    "own_quarter",
    "own_rate",
    "leaf_share",
    "brand_share",
    "last_alike",
    "item_trend_7d",
    "item_trend_30d",
)
MONOTONE: Final[Mapping[str, int]] = dict.fromkeys(_RISING, 1)
"""More of these can only help, all else equal: +1 in LightGBM's monotone constraints."""
COARSE: Final = frozenset((*ITEM_COLUMNS, "item_rebuy", "item_cycle"))
"""Figures of an item alone. All questions of a label window see one snapshot of them: fine bins would let the trees
learn single items by heart."""
_UNTOUCHED: Final = float(np.log1p(1e6))
_WEEK_H: Final = 168.0
_LATELY: Final = 10
"""Events that say what a shopper looks at now."""


@dataclass(frozen=True)
class FeatureTable:
    """What of a release the features read."""

    catalogue: Catalogue
    stats: ItemStats
    repeats: Repeats
    vectors: Values
    """Item embeddings float32[n, d] of length 1."""

    def matrix(self, taste: Taste, codes: Codes, scores: Mapping[str, Values], rule: Values) -> Matrix:
        """Features of the candidates `codes: int32[c]`.

        `scores[source]: float32[c]`, 0 for an absent source; `rule: float32[c]` is what the own-first rule says.
        """
        rows = np.zeros((len(FEATURES), len(codes)), np.float32)
        cycle_days, place = self.repeats.cycle_days[codes], 0
        for part in (
            (rule, _relative(rule)),
            self._sources(scores, codes),
            _own(taste.past, codes, cycle_days),
            self._affinity(taste, codes),
            self._last(taste, codes),
            self.stats.table[codes].T,
            (self.repeats.rate[codes], cycle_days),
            _shopper(taste.past),
        ):
            for row in part:
                rows[place] = row
                place += 1
        return rows

    def _sources(self, scores: Mapping[str, Values], codes: Codes) -> list[Values]:
        zeros = np.zeros(len(codes), np.float32)
        values = [scores.get(name, zeros) for name in _SOURCES]
        return [*values, *map(_relative, values)]

    def _affinity(self, taste: Taste, codes: Codes) -> list[Values]:
        events, price = taste.past.history.items, self._price
        groups = (self._leaf, self._top)
        shares = [
            share
            for group in groups
            for share in (_share(group, events, codes), _share(group, events[-_LATELY:], codes))
        ]
        known = price[events][price[events] > 0]
        usual = float(known.mean()) if len(known) else 0.0
        gap = np.where(price[codes] > 0, price[codes] - usual, 0) if usual else np.zeros(len(codes))
        return [*shares, _share(self._brand, events, codes), gap.astype(np.float32)]

    def _last(self, taste: Taste, codes: Codes) -> list[Values]:
        if not len(taste.recent):
            return [np.zeros(len(codes), np.float32)] * len(_LAST)
        last = int(taste.recent[0])
        same = (self._leaf[codes] == self._leaf[last]) & (self._leaf[last] > 0)
        return [self.vectors[codes] @ self.vectors[last], same.astype(np.float32)]

    @cached_property
    def _leaf(self) -> Codes:
        """Category code + 1, 0 for none."""
        return self.catalogue.category + np.int32(1)

    @cached_property
    def _top(self) -> Codes:
        tops = self.catalogue.categories.ancestors[:, :1].ravel()
        padded: Codes = np.concatenate((tops, [-1])).astype(np.int32)  # code -1 reads the last place
        codes: Codes = padded[self.catalogue.category] + np.int32(1)
        return codes

    @cached_property
    def _brand(self) -> Codes:
        return self.catalogue.brand + np.int32(1)

    @cached_property
    def _price(self) -> Values:
        prices: Values = np.log1p(np.nan_to_num(np.maximum(self.catalogue.price, 0), nan=0.0)).astype(
            np.float32
        )
        return prices


def _relative(scores: Values) -> Values:
    """Against the best candidate."""
    return scores / max(float(scores.max(initial=0.0)), 1e-9)


def _own(past: Past, codes: Codes, cycle_days: Values) -> list[Values]:
    """The shopper's dealings with each candidate; what never happened is as old as can be."""
    if not len(past):
        zeros = np.zeros(len(codes), np.float32)
        old = np.full(len(codes), _UNTOUCHED, np.float32)
        return [zeros, zeros, zeros, old, old, zeros, zeros, old * 100, *[zeros] * 5]
    places = np.minimum(np.searchsorted(past.codes, codes), len(past) - 1)
    known = past.codes[places] == codes

    def of(column: Values, absent: float = 0.0) -> Values:
        return np.where(known, column[places], np.float32(absent))

    due = np.minimum(past.age / np.maximum(past.interval, 1e-3), 10.0) * (past.interval > 0)
    rebuys = (cycle_days > 0) & (of(past.purchases) > 0)
    return [
        of(past.events),
        of(past.purchases),
        of(past.carts),
        of(np.log1p(past.age), _UNTOUCHED),
        of(np.log1p(past.bought_age), _UNTOUCHED),
        of(np.log1p(past.interval)),
        of(due),
        of(past.depth, _UNTOUCHED * 100),
        of(past.in_session),
        of(past.week),
        of(past.quarter),
        of(past.events / (past.age + past.span + _WEEK_H)),
        np.minimum(of(past.bought_age) / np.maximum(cycle_days * 24, 1e-3), 10.0) * rebuys,
    ]


def _share(groups: Codes, events: Codes, codes: Codes) -> Values:
    """Share of the events in each candidate's group; 0 where an item has none (group 0)."""
    if not len(events):
        return np.zeros(len(codes), np.float32)
    counts = np.bincount(groups[events], minlength=1)
    wanted = groups[codes]
    known = (wanted > 0) & (wanted < len(counts))
    shares = np.where(known, counts[np.minimum(wanted, len(counts) - 1)], 0) / len(events)
    return shares.astype(np.float32)


def _shopper(past: Past) -> list[float]:
    """Constant within a request: what the other features mean to this kind of shopper."""
    rows = past.history
    if not len(rows):
        return [0.0] * len(_SHOPPER)
    opening = past.session_start
    return [
        float(np.log1p(len(rows))),
        float(np.log1p(len(past))),
        1.0 - len(past) / len(rows),
        float(past.purchases.sum()) / len(rows),
        float(len(rows) - opening),
        float(np.log1p((rows.times[-1] - rows.times[opening]) / 60_000)),
        float(past.opens_visit),
    ]
