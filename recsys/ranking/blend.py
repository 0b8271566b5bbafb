"""One score from several sources while a shop has no ranker: a weighted sum, lifted by what is wanted now.

score = (Σ weight × source score) × (trend + floor) ^ exponent. The lift is multiplicative: a fashionable item that
nothing of the shopper's speaks for stays behind. Weights and their measurements: docs/experiments.md.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BlendConfig", "blend"]

Values = npt.NDArray[np.float32]

_WEIGHTS: Final[Mapping[str, float]] = {
    "own": 1.0,
    "taste": 0.5,
    "sessions": 0.2,
    "linked": 0.1,
    "together": 0.02,
    "alike": 0.02,
    "trending": 0.02,
}
_RELATED: Final[Mapping[str, float]] = {
    "together": 1.0,
    "sessions": 0.5,
    "alike": 0.5,
    "taste": 0.2,
    "trending": 0.02,
}


class BlendConfig(BaseModel):
    """What each source counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weights: Mapping[str, float] = _WEIGHTS
    """By source name; a source that is not named counts nothing."""
    related: Mapping[str, float] = _RELATED
    """The same for lists related to given items, where a shopper's own past is not the question."""
    trend_exponent: float = Field(default=0.15, ge=0)
    """0 = the trend does not lift."""
    trend_floor: float = Field(default=0.01, gt=0)
    """Lift of items nobody wants now, relative to the most wanted one."""

    def counted(self, *, related: bool) -> Mapping[str, float]:
        """The weights that hold for a list."""
        return self.related if related else self.weights


def blend(
    features: Mapping[str, Values], trend: Values, config: BlendConfig, *, related: bool = False
) -> Values:
    """Scores float32[c] of c candidates from aligned source scores and trend in [0, 1]."""
    total = np.zeros(len(trend), np.float32)
    weights = config.counted(related=related)
    for name, values in features.items():
        weight = weights.get(name, 0.0)
        if weight:
            total += np.float32(weight) * values
    scores: Values = total * (trend + np.float32(config.trend_floor)) ** np.float32(config.trend_exponent)
    return scores
