"""The blend is the sum it says it is."""

import numpy as np
import pytest

from recsys.ranking.blend import BlendConfig, blend

CONFIG = BlendConfig(weights={"own": 2.0, "taste": 0.5}, trend_exponent=1.0, trend_floor=0.5)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_a_score_is_the_weighted_sum_times_the_trend() -> None:
    scores = blend({"own": column(1, 0), "taste": column(1, 1)}, column(0.5, 0.0), CONFIG)
    assert scores.tolist() == pytest.approx([2.5 * 1.0, 0.5 * 0.5])


def test_a_source_without_a_weight_counts_nothing() -> None:
    assert blend({"unheard": column(9, 9)}, column(1, 1), CONFIG).tolist() == [0, 0]


def test_no_exponent_means_no_lift() -> None:
    config = CONFIG.model_copy(update={"trend_exponent": 0.0})
    assert blend({"own": column(1, 1)}, column(0, 1), config).tolist() == [2, 2]


def test_related_lists_have_weights_of_their_own() -> None:
    config = BlendConfig(weights={"own": 1.0}, related={"together": 1.0}, trend_exponent=0.0)
    features = {"own": column(1, 0), "together": column(0, 1)}
    assert blend(features, column(1, 1), config).tolist() == [1, 0]
    assert blend(features, column(1, 1), config, related=True).tolist() == [0, 1]
