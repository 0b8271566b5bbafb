"""Implicit ALS: item factors from everybody's interactions, and a shopper's vector folded in from events alone.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, eq. 4 and 5. Only item
factors are kept: a shopper is never part of a release.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.arrays import load_array, load_json, save_arrays, save_json
from recsys.models.fold_kernel import folded

__all__ = ["Als", "AlsConfig", "choose_alpha"]

Vectors = npt.NDArray[np.float32]

_CONFIDENCE: Final = 200.0
"""Sum of confidence above 1 of the average shopper. Where shoppers leave little, each event must stand out from the
empty cells; where they leave hundreds, the same weight would drown what they have in common (docs/experiments.md)."""
_ALPHAS: Final = (0.5, 40.0)
"""Outside of these more or less changes nothing but the noise."""


class AlsConfig(BaseModel):
    """Parameters of the factorisation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedding_size: int = Field(default=64, ge=1, le=512)
    """Length of the vectors."""
    regularization: float = Field(default=1.0, gt=0)
    """Ridge on every vector."""
    alpha: float | None = Field(default=None, gt=0)
    """Confidence per unit of log(1 + value): c = 1 + alpha · log(1 + value); by default chosen from the data."""
    epochs: int = Field(default=10, ge=1)
    """Alternations."""


@dataclass(frozen=True)
class Als:
    """Item factors float32[n, d] and their Gram matrix float32[d, d]."""

    config: AlsConfig
    """As given, `alpha` filled in."""
    item_factors: Vectors
    gram: Vectors

    @classmethod
    def fit(cls, values: sparse.csr_matrix, config: AlsConfig, seed: int) -> tuple[Self, Vectors]:
        """Factorise `values` (users × items, positive); returns the model and the training shoppers' vectors.

        The shoppers' vectors float32[users, d] serve other models of the same fit and are then dropped.
        """
        from implicit.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        alpha = config.alpha if config.alpha is not None else choose_alpha(values)
        config = config.model_copy(update={"alpha": alpha})
        confidence = _confidence(values.data, alpha)
        weighted = sparse.csr_matrix((confidence, values.indices, values.indptr), shape=values.shape)
        with threadpool_limits(1, "blas"):  # implicit brings its own threads; both would fight for the cores
            model = AlternatingLeastSquares(
                factors=config.embedding_size,
                regularization=config.regularization,
                alpha=1.0,
                iterations=config.epochs,
                random_state=seed,
            )
            model.fit(weighted, show_progress=False)
        factors = np.ascontiguousarray(model.item_factors, np.float32)
        return cls(config, factors, factors.T @ factors), np.asarray(model.user_factors, np.float32)

    def fold_in(self, items: npt.NDArray[np.int32], values: npt.NDArray[np.float32]) -> Vectors:
        """The vector float32[d] of a shopper with these distinct items and values (eq. 4, solved exactly)."""
        vector = folded(
            self.item_factors,
            np.ascontiguousarray(items, np.int32),
            np.ascontiguousarray(values, np.float32),
            self._ridged,
            cast("float", self.config.alpha),
        )
        if not len(vector):
            raise np.linalg.LinAlgError("the factors of a release are no numbers or too large; train again")
        return vector

    @cached_property
    def _ridged(self) -> npt.NDArray[np.float64]:
        """The part of every shopper's equations that all share."""
        ridged: npt.NDArray[np.float64] = self.gram + self.config.regularization * np.eye(len(self.gram))
        return ridged

    def save(self, folder: Path) -> None:
        """Write config and Gram matrix; the factors live in their index."""
        save_json(folder, "config", self.config.model_dump())
        save_arrays(folder, gram=self.gram)

    @classmethod
    def load(cls, folder: Path, item_factors: Vectors) -> Self:
        """Map what `save` wrote beside the index that holds the factors."""
        config = AlsConfig.model_validate(load_json(folder, "config"))
        return cls(config, item_factors, load_array(folder, "gram"))


def choose_alpha(values: sparse.csr_matrix) -> float:
    """The alpha that gives the average shopper of `values` (users × items) a fixed confidence in all."""
    shoppers = int(np.count_nonzero(np.diff(values.indptr)))
    strength = float(np.log1p(values.data, dtype=np.float64).sum()) / max(shoppers, 1)
    return float(np.clip(_CONFIDENCE / max(strength, 1e-9), *_ALPHAS))


def _confidence(values: npt.NDArray[np.float32], alpha: float) -> npt.NDArray[np.float32]:
    confidence: npt.NDArray[np.float32] = (1.0 + alpha * np.log1p(values)).astype(np.float32)
    return confidence
