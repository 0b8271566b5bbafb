"""The blend is the sum it says it is."""

import numpy as np
import pytest

from recsys.ranking.blend import Blend, BlendConfig
from recsys.ranking.said import Said

CONFIG = BlendConfig(weights={"own": 2.0, "taste": 0.5}, trend_exponent=1.0, trend_floor=0.5)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_a_score_is_the_weighted_sum_times_the_trend() -> None:
    scores = Blend(CONFIG).scores(Said.of({"own": column(1, 0), "taste": column(1, 1)}, 2), column(0.5, 0.0))
    assert scores.tolist() == pytest.approx([2.5 * 1.0, 0.5 * 0.5])


def test_a_source_without_a_weight_counts_nothing() -> None:
    assert Blend(CONFIG).scores(Said.of({"unheard": column(9, 9)}, 2), column(1, 1)).tolist() == [0, 0]


def test_no_exponent_means_no_lift() -> None:
    config = CONFIG.model_copy(update={"trend_exponent": 0.0})
    assert Blend(config).scores(Said.of({"own": column(1, 1)}, 2), column(0, 1)).tolist() == [2, 2]


def test_related_lists_have_weights_of_their_own() -> None:
    config = BlendConfig(weights={"own": 1.0}, related={"together": 1.0}, trend_exponent=0.0)
    said = Said.of({"own": column(1, 0), "together": column(0, 1)}, 2)
    assert Blend(config).scores(said, column(1, 1)).tolist() == [1, 0]
    assert Blend(config).scores(said, column(1, 1), related=True).tolist() == [0, 1]


@pytest.mark.parametrize("related", [False, True])
def test_a_compiled_blend_equals_whole_columns(related: bool) -> None:
    generator, config = np.random.default_rng(0), BlendConfig()
    for _ in range(1_000):
        count = int(generator.integers(0, 250))
        names = generator.permutation(["own", "taste", "sessions", "alike", "trending", "unheard"])[
            : int(generator.integers(0, 7))
        ].tolist()
        columns = {
            name: (generator.random(count) * generator.integers(0, 2)).astype(np.float32) for name in names
        }
        trend = (generator.random(count) * generator.choice((0, 1e-6, 1))).astype(np.float32)
        total = np.zeros(count, np.float32)
        for name, values in columns.items():
            total += np.float32(config.counted(related=related).get(name, 0)) * values
        lift = (trend + np.float32(config.trend_floor)) ** np.float32(config.trend_exponent)
        found = Blend(config).scores(Said.of(columns, count), trend, related=related)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, total * lift, rtol=1e-6)
