"""What the ranker sees of each candidate: every feature is defined here, once, for training and for a request.

A matrix is feature-major, float32[features, candidates], finite. A feature looks at the history at hand, the release
and the sources' scores, never at the clock: batch equals live.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.catalogue import Catalogue
from recsys.categories import CategoryTree
from recsys.models.item_stats import ITEM_COLUMNS, ItemStats
from recsys.models.repeats import Repeats
from recsys.ranking.feature_kernel import Goods, Places, fill
from recsys.ranking.said import Said
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
_PLACES: Final[Places] = (
    FEATURES.index(f"score_{_SOURCES[0]}"),
    FEATURES.index(f"relative_{_SOURCES[0]}"),
    FEATURES.index(_OWN[0]),
    FEATURES.index(_AFFINITY[0]),
    FEATURES.index(ITEM_COLUMNS[0]),
    FEATURES.index(_SHOPPER[0]),
)
"""The rows that the compiled blocks begin at."""


@cache
def _asked(names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """int64[sources]: which of some names each source has, -1 for one that was not asked."""
    return np.array([names.index(name) if name in names else -1 for name in _SOURCES])


@dataclass(frozen=True)
class FeatureTable:
    """What of a release the features read."""

    catalogue: Catalogue
    stats: ItemStats
    repeats: Repeats
    vectors: Values
    """Item embeddings float32[n, d] of length 1."""
    _held: dict[str, tuple[CategoryTree, Codes]] = field(default_factory=dict, repr=False)

    def matrix(self, taste: Taste, codes: Codes, said: Said, rule: Values) -> Matrix:
        """Features of the candidates `codes: int32[c]`.

        A source that was not asked says 0; `rule: float32[c]` is what the own-first rule says.
        """
        past = taste.past
        dealings = (
            past.codes,
            past.columns,
            past.history.items,
            past.history.times,
            past.session_start,
            past.opens_visit,
        )
        last = int(taste.recent[0]) if len(taste.recent) else -1
        spoken = rule, said.values, _asked(said.names)
        return fill(_PLACES, codes, spoken, dealings, last, self._goods())

    def _goods(self) -> Goods:
        """The columns of the items, as they are now: a change of category or price counts at once."""
        catalogue = self.catalogue
        return (
            catalogue.category,
            self._tops(catalogue.categories),
            catalogue.brand,
            catalogue.price,
            self.stats.table,
            self.repeats.rate,
            self.repeats.cycle_days,
            self.vectors,
        )

    def _tops(self, categories: CategoryTree) -> Codes:
        """int32[n_categories]: the top category above each; made again when the tree has grown."""
        held = self._held.get("tops")
        if held is None or held[0] is not categories:
            tops = np.ascontiguousarray(categories.ancestors[:, :1].ravel())
            held = self._held["tops"] = (categories, tops)
        return held[1]
