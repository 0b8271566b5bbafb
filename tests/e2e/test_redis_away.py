"""Redis goes away under a running API and comes back with its data folder: lists never stop, no event is lost."""

import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings
from recsys.testing import Shop

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def event(shop: Shop, item: int = 0) -> dict[str, object]:
    return {
        "event_id": f"e-{uuid.uuid4()}",
        "type": "view",
        "user_id": "买家-1",
        "item_id": shop.items[item].item_id,
        "timestamp": time.time_ns() // 1_000_000,
    }


def test_lists_go_on_and_events_wait_while_redis_is_away(
    make_product: Callable[..., Any],
    free_port: int,
    valkey: EmbeddedValkey,
    shop: Shop,
    publish: Callable[..., str],
    tmp_path: Path,
) -> None:
    product = make_product(REDIS_URL=f"unix://{valkey.socket}")
    settings = StoreSettings.load(home=product.home, redis_url=f"unix://{valkey.socket}")
    publish(settings, tmp_path / "release")
    caller = product.storefront(free_port)
    product.start("serve", "--port", str(free_port))
    product.wait_for(lambda: caller.get("/readyz").status == 200, "a ready API")

    def recommend() -> Any:
        return caller.post("/v1/recommendations", {"user_id": "买家-1", "num": 20})

    first = event(shop)
    assert caller.post("/v1/events", {"events": [first]}).body["accepted"] == 1
    whole = recommend()
    assert (whole.status, whole.body["degraded"], len(whole.body["items"])) == (200, [], 20)

    product.kill(server_pid(valkey))
    for _ in range(20):
        without = recommend()
        assert (without.status, without.body["degraded"]) == (200, ["online_features"])
        assert len({item["item_id"] for item in without.body["items"]}) == 20
    refused = event(shop, 1)
    answer = caller.post("/v1/events", {"events": [refused]})
    assert (answer.status, answer.body["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert caller.get("/healthz").status == 200
    assert caller.get("/readyz").status == 200

    valkey.ensure()
    product.wait_for(
        lambda: recommend().body["degraded"] == [], "lists with what is known of the shopper", 20
    )
    assert caller.post("/v1/events", {"events": [first]}).body["duplicates"] == 1
    assert caller.post("/v1/events", {"events": [refused]}).body["accepted"] == 1


def test_an_api_that_starts_without_redis_serves_the_release_it_had(
    make_product: Callable[..., Any],
    free_port: int,
    valkey: EmbeddedValkey,
    shop: Shop,
    publish: Callable[..., str],
    tmp_path: Path,
) -> None:
    product = make_product(REDIS_URL=f"unix://{valkey.socket}")
    settings = StoreSettings.load(home=product.home, redis_url=f"unix://{valkey.socket}")
    publish(settings, tmp_path / "release")
    caller = product.storefront(free_port)
    first = product.start("serve", "--port", str(free_port))
    product.wait_for(lambda: caller.get("/readyz").status == 200, "a ready API")
    before = caller.get("/readyz").body["release_id"]
    first.terminate()
    first.wait(30)
    product.kill(server_pid(valkey))

    product.start("serve", "--port", str(free_port))
    product.wait_for(lambda: caller.get("/readyz").status == 200, "a ready API without Redis")
    assert caller.get("/readyz").body["release_id"] == before
    answer = caller.post("/v1/recommendations", {"session_id": "s-1"})
    assert (answer.status, answer.body["degraded"], len(answer.body["items"])) == (
        200,
        ["online_features"],
        20,
    )


def server_pid(valkey: EmbeddedValkey) -> int:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(valkey.socket))
        client.sendall(b"INFO server\r\n")
        text = client.recv(65536).decode()
    return int(next(line.partition(":")[2] for line in text.splitlines() if line.startswith("process_id")))
