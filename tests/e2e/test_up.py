"""`recsys up` on an empty home: live at once, says what to do next, and leaves no process behind, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc"),
]


@pytest.fixture
def product(make_product: Callable[..., Any]) -> Any:
    return make_product()


def start(product: Any, port: int) -> "subprocess.Popen[bytes]":
    up: subprocess.Popen[bytes] = product.start("up", "--port", str(port))
    caller = product.storefront(port)
    product.wait_for(lambda: caller.get("/healthz").status == 200, "a live API")
    # The API, the event worker, the jobs worker, the store's guard and the store, beside `up` itself.
    product.wait_for(lambda: len(product.running()) >= 5, "all processes")
    return up


def test_an_empty_home_is_live_and_told_what_to_run(product: Any, free_port: int) -> None:
    up = start(product, free_port)
    caller = product.storefront(free_port)
    assert caller.get("/readyz").status == 503
    # A key made beside a running API may take a moment to reach it.
    product.wait_for(lambda: caller.post("/v1/recommendations", {"session_id": "s"}).status != 401, "the key")
    refused = caller.post("/v1/recommendations", {"session_id": "s"})
    assert (refused.status, refused.body["code"]) == (503, "not_ready")
    assert caller.get("/docs").status == 200
    product.wait_for(lambda: "recsys train" in product.said(), "the next command")

    second = subprocess.run(
        [sys.executable, "-c", "from recsys.cli import main; main()", "up", "--port", "0"],
        env={**os.environ, "RECSYS_HOME": str(product.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert "already runs" in second.stderr
    assert "Traceback" not in second.stderr

    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
    product.wait_for(lambda: product.running() == [], "the end of every process", 30)


def test_nothing_outlives_a_killed_supervisor(product: Any, free_port: int) -> None:
    up = start(product, free_port)
    up.kill()
    up.wait()
    product.wait_for(lambda: product.running() == [], "the end of every process", 60)
