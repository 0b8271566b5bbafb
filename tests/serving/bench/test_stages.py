"""What a server says of itself, read back and compared."""

import pytest

from serving.bench.stages import Counted
from serving.observability import Metrics


def counted(metrics: Metrics) -> Counted:
    return Counted.parse(metrics.render().decode())


def test_the_products_own_metrics_are_read_as_differences() -> None:
    metrics = Metrics()
    metrics.stages({"read": 2.0, "retrieve": 4.0})
    metrics.answer(None, ["deadline"])
    before = counted(metrics)
    metrics.stages({"read": 1.0})
    metrics.stages({"read": 3.0, "score": 8.0})
    metrics.answer("trending", [])
    metrics.answer(None, [])
    found = counted(metrics).since(before)
    assert found.stage_ms(requests=2) == {
        "score": pytest.approx(4.0),
        "read": pytest.approx(2.0),
    }
    assert next(iter(found.stage_ms(2))) == "score"
    assert found.by_label("recsys_answers_total") == {"trending": 1.0, "none": 1.0}
    assert found.by_label("recsys_degraded_total") == {}
