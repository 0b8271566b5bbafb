"""One score from several sources while a shop has no ranker: a weighted sum, lifted by what is wanted now.

score = (Σ weight × source score) × (trend + floor) ^ exponent. The lift is multiplicative: a fashionable item that
nothing of the shopper's speaks for stays behind. Weights and their measurements: docs/experiments.md.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.ranking.blend_kernel import lifted_sums
from recsys.ranking.said import Said

__all__ = ["Blend", "BlendConfig"]

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


class Blend:
    """The sum, ready for any sources that are asked together."""

    def __init__(self, config: BlendConfig) -> None:
        self._config = config
        self._weights: dict[tuple[tuple[str, ...], bool], Values] = {}

    def scores(self, said: Said, trend: Values, *, related: bool = False) -> Values:
        """float32[c] of c candidates from what the sources say of them and their trend in [0, 1]."""
        weights, config = self.weights(said.names, related=related), self._config
        return lifted_sums(said.values, weights, trend, config.trend_floor, config.trend_exponent)

    def weights(self, names: tuple[str, ...], *, related: bool) -> Values:
        """What each of some sources counts, float32[sources]; only to be read."""
        held = self._weights.get((names, related))
        if held is None:
            counted = self._config.counted(related=related)
            held = np.array([counted.get(name, 0.0) for name in names], np.float32)
            self._weights[names, related] = held
        return held
