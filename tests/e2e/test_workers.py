"""Several workers behind one port: all answer, a dead one comes back, all follow a swap, and all end together."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_two_workers_answer_swap_survive_a_death_and_end_together(
    make_product: Callable[..., Any],
    free_port: int,
    valkey: EmbeddedValkey,
    publish: Callable[..., str],
    tmp_path: Path,
) -> None:
    product = make_product(REDIS_URL=f"unix://{valkey.socket}")
    settings = StoreSettings.load(home=product.home, redis_url=f"unix://{valkey.socket}")
    first = publish(settings, tmp_path / "first")
    parent = product.start("serve", "--workers", "2", "--port", str(free_port))
    # Every call makes a connection of its own, so that any worker may take it.
    callers = [product.storefront(free_port) for _ in range(8)]

    def releases() -> list[object]:
        return [caller.get("/readyz").body["release_id"] for caller in callers]

    product.wait_for(lambda: callers[0].get("/readyz").status == 200, "a ready API")
    product.wait_for(lambda: all(c.get("/readyz").status == 200 for c in callers), "two ready workers")
    workers = product.children(parent.pid)
    assert len(workers) == 2
    assert releases() == [first] * 8
    for caller in callers:
        answer = caller.post("/v1/recommendations", {"session_id": "s", "num": 20})
        assert (answer.status, len(answer.body["items"])) == (200, 20)

    second = publish(settings, tmp_path / "second", 1)
    product.wait_for(lambda: releases() == [second] * 8, "every worker on the new release", 30)

    os.kill(workers[0], signal.SIGKILL)
    product.wait_for(lambda: workers[0] not in product.children(parent.pid), "the end of a worker")
    product.wait_for(lambda: len(product.children(parent.pid)) == 2, "another worker in its place")
    product.wait_for(lambda: releases() == [second] * 8, "both workers ready again", 60)

    everybody = [parent.pid, *product.children(parent.pid)]
    parent.terminate()
    assert parent.wait(30) == 0
    product.wait_for(lambda: not any(map(product.alive, everybody)), "the end of all of them", 10)
