"""An item put through one worker is listed by every worker, and a worker that starts later knows it too."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WANTED = {"session_id": "s", "num": 5, "filter": 'category under "全新"'}


def test_every_worker_lists_what_was_put_after_the_release(
    make_product: Callable[..., Any],
    free_port: int,
    valkey: EmbeddedValkey,
    publish: Callable[..., str],
    tmp_path: Path,
) -> None:
    product = make_product(REDIS_URL=f"unix://{valkey.socket}")
    settings = StoreSettings.load(home=product.home, redis_url=f"unix://{valkey.socket}")
    publish(settings, tmp_path / "first")
    parent = product.start("serve", "--workers", "2", "--port", str(free_port))
    ingest = product.storefront(free_port, "ingest")
    # Every call makes a connection of its own, so that any worker may take it.
    callers = [product.storefront(free_port) for _ in range(4)]

    def lists() -> list[list[str]]:
        answers = [caller.post("/v1/recommendations", WANTED) for caller in callers]
        return [
            [item["item_id"] for item in answer.body["items"]] for answer in answers if answer.status == 200
        ]

    def put(item_id: str, **more: object) -> None:
        body = {"titles": {"zh": "新品"}, "category": "全新 > 一类", "price": 3.0, **more}
        assert ingest.put(f"/v1/items/{item_id}", body).status == 200

    product.wait_for(lambda: all(c.get("/readyz").status == 200 for c in callers), "ready workers")
    product.wait_for(lambda: len(product.children(parent.pid)) == 2, "two workers")
    product.wait_for(lambda: lists() == [[]] * 4, "an empty list from every worker", 20)
    put("born")
    product.wait_for(lambda: lists() == [["born"]] * 4, "the newborn in every worker's list", 20)

    workers = product.children(parent.pid)
    os.kill(workers[0], signal.SIGKILL)
    product.wait_for(lambda: workers[0] not in product.children(parent.pid), "the end of a worker")
    product.wait_for(lambda: len(product.children(parent.pid)) == 2, "another worker in its place")
    product.wait_for(lambda: lists() == [["born"]] * 4, "the newborn in the list of the later worker", 60)

    put("born", stock=0)
    product.wait_for(lambda: lists() == [[]] * 4, "nobody showing what is sold out", 20)
