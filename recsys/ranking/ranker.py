"""The learned order: boosted trees over a feature matrix, summed from arrays, so that serving needs no LightGBM.

Scores are probabilities of being wanted: a logistic curve over the trees' sum (Platt, "Probabilistic Outputs for
Support Vector Machines", 1999), which keeps their order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.arrays import load_array, load_json, save_arrays, save_json
from recsys.errors import ReleaseIncompatible
from recsys.ranking.trees import Splits, chances, leaf_sums, splits_of
from recsys.types import EVENT_CODES, EventType

__all__ = ["GAINS", "Goal", "Ranker", "RankerConfig", "Trees"]

Matrix = npt.NDArray[np.float32]
Goal = Literal["click", "cart", "purchase", "margin"]


class RankerConfig(BaseModel):
    """How the order is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = True
    """Learn an order where the log can teach one; false keeps the own-first rule."""
    goal: Goal = "click"
    """What a list is for: any touch that follows counts the same (`click`), carts or purchases count more, or purchases
    count by what they earn (`margin`: price less cost, in thirds of the catalogue)."""
    trees: int = Field(default=80, ge=1, le=100)
    """Boosting rounds."""
    leaves: int = Field(default=16, ge=2, le=64)
    """Leaves a tree."""
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    """Shrinkage of each tree."""
    least_rows_in_leaf: int = Field(default=50, ge=1)
    """Fewer candidates than this are no leaf."""
    label_days: float = Field(default=28.0, gt=0, le=365)
    """Days at the end of the log that ask the questions; never more than a quarter of it."""
    windows: int = Field(default=2, ge=1, le=5)
    """Label windows, one before the other, while a log has too few questions for one."""
    queries: int = Field(default=6_000, ge=100)
    """Questions asked at most, spread over shoppers."""
    queries_per_shopper: int = Field(default=20, ge=1)
    """Questions one shopper asks at most in a window."""
    openings: float = Field(default=0.33, ge=0, le=1)
    """Share of the questions that are about what opens a visit, asked as the shopper comes back."""
    least_queries: int = Field(default=200, ge=20)
    """Fewer answered questions than this teach nothing; the own-first rule stays."""
    rows_per_query: int = Field(default=100, ge=10)
    """Candidates kept of a question: all wanted ones and a sample of the others."""

    def graded(
        self,
        places: npt.NDArray[np.int64],
        moments: npt.NDArray[np.int8],
        kinds: npt.NDArray[np.int8],
        thirds: npt.NDArray[np.int8] | None = None,
    ) -> npt.NDArray[np.int8]:
        """Grades int8[c] of candidates by their places among wanted items (-1: not wanted).

        `moments` says of each wanted item whether it is wanted next (2) or later (1), `kinds` its strongest event,
        `thirds` whether it earns little (0) or much (2); only the goal `margin` asks.
        """
        if not len(moments):
            return np.zeros(len(places), np.int8)
        worth = moments + _STEPS[self.goal][kinds]
        if self.goal == "margin" and thirds is not None:
            worth = worth + np.where(kinds == EVENT_CODES[EventType.PURCHASE], thirds, 0)
        grades: npt.NDArray[np.int8] = np.where(places < 0, 0, worth[places]).astype(np.int8)
        return grades


GAINS: Final = (0, 1, 3, 7, 15, 31)
"""Worth of each grade, for LambdaRank."""


def _steps(**more: int) -> npt.NDArray[np.int8]:
    steps = np.zeros(len(EVENT_CODES), np.int8)
    for kind, step in more.items():
        steps[EVENT_CODES[EventType(kind)]] = step
    return steps


_STEPS: Final[Mapping[str, npt.NDArray[np.int8]]] = {
    "click": _steps(),
    "cart": _steps(cart=1, purchase=1),
    "purchase": _steps(cart=1, purchase=3),
    "margin": _steps(purchase=1),
}
"""Grades that a behaviour adds, by goal."""


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees one after another; a child below 0 is leaf `~child`."""

    roots: npt.NDArray[np.int32]
    features: npt.NDArray[np.int16]
    thresholds: npt.NDArray[np.float32]
    """Rounded down: a float32 is above the rounded one exactly when it is above the learned one."""
    children: npt.NDArray[np.int32]
    """int32[nodes, 2]: where a value goes that is at most the threshold, and one above it."""
    leaves: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranker:
    """Trees, the names of the features they split on, and the curve to probabilities."""

    trees: Trees
    features: tuple[str, ...]
    slope: float
    offset: float

    def raw(self, matrix: Matrix) -> npt.NDArray[np.float64]:
        """Sum of the leaves float64[c] for a matrix float32[features, c]."""
        splits = self._splits
        sums: npt.NDArray[np.float64] = leaf_sums(
            splits.starts,
            splits.features,
            splits.thresholds,
            splits.strikes,
            splits.leaves,
            np.ascontiguousarray(matrix),
        )
        return sums

    def score(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Probability float32[c] of being wanted, in the order of `raw`."""
        return chances(self.raw(matrix), self.slope, self.offset)

    @cached_property
    def _splits(self) -> Splits:
        trees = self.trees
        return splits_of(trees.roots, trees.features, trees.thresholds, trees.children, trees.leaves)

    def save(self, folder: Path) -> None:
        """Write arrays and names."""
        save_arrays(
            folder,
            roots=self.trees.roots,
            features=self.trees.features,
            thresholds=self.trees.thresholds,
            children=self.trees.children,
            leaves=self.trees.leaves,
        )
        save_json(
            folder, "ranker", {"features": list(self.features), "slope": self.slope, "offset": self.offset}
        )

    @classmethod
    def load(cls, folder: Path, features: tuple[str, ...]) -> Self:
        """Map what `save` wrote; ReleaseIncompatible when it splits on other features than today's."""
        about = load_json(folder, "ranker")
        if tuple(about["features"]) != features:
            raise ReleaseIncompatible(
                f"the ranker in {folder.parent.name!r} reads other features than this code; "
                "train again: recsys train"
            )
        names = ("roots", "features", "thresholds", "children", "leaves")
        trees = Trees(*(load_array(folder, name) for name in names))
        return cls(trees, features, float(about["slope"]), float(about["offset"]))
