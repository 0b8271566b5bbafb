"""One scrape tells all workers: exact sums whoever answers, and nothing goes back when workers are killed."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def scraped(port: int) -> dict[tuple[str, str], float]:
    """Samples by name and labels, from a connection of its own: any worker may answer it, or be killed over it."""
    try:
        with httpx.Client(timeout=20, trust_env=False) as client:
            text = client.get(f"http://127.0.0.1:{port}/metrics").text
    except httpx.TransportError:
        return scraped(port)
    return {(name, labels): float(value) for name, labels, value in SAMPLE.findall(text)}


def lists(samples: dict[tuple[str, str], float]) -> float:
    return sum(value for (name, _), value in samples.items() if name == "recsys_answers_total")


def test_one_scrape_tells_every_worker_and_survives_their_deaths(
    make_product: Callable[..., Any],
    free_port: int,
    valkey: EmbeddedValkey,
    publish: Callable[..., str],
    tmp_path: Path,
) -> None:
    product = make_product(REDIS_URL=f"unix://{valkey.socket}")
    settings = StoreSettings.load(home=product.home, redis_url=f"unix://{valkey.socket}")
    release = publish(settings, tmp_path / "release")
    parent = product.start("serve", "--workers", "2", "--port", str(free_port))
    caller = product.storefront(free_port)
    product.wait_for(lambda: caller.get("/readyz").status == 200, "a ready API")

    def served() -> set[str]:
        """Workers that serve the release, by what one scrape says of both."""
        named = (labels for name, labels in scraped(free_port) if name == "recsys_release_loaded")
        return {labels for labels in named if f'release="{release}"' in labels}

    def starts() -> float:
        return sum(
            value for (name, _), value in scraped(free_port).items() if name == "recsys_worker_starts_total"
        )

    product.wait_for(lambda: len(served()) == 2, "both workers on the release, in one scrape")
    key, made = caller._client.headers["Authorization"], 0
    for round_ in range(2):
        for _ in range(20):
            with httpx.Client(timeout=20, trust_env=False, headers={"Authorization": key}) as client:
                answer = client.post(
                    f"http://127.0.0.1:{free_port}/v1/recommendations",
                    json={"session_id": "s", "events": [{"type": "view", "item_id": "mug/0001"}]},
                )
            assert answer.status_code == 200
        made += 20
        before = scraped(free_port)
        assert lists(before) == made
        assert all(lists(scraped(free_port)) == made for _ in range(8))
        assert before["recsys_candidates_count", 'source="union"'] == made
        assert before["recsys_stage_seconds_count", 'stage="retrieve"'] == made

        # One after the other, so that each round is counted by a successor of somebody.
        workers = product.children(parent.pid)
        os.kill(workers[0], signal.SIGKILL)
        product.wait_for(
            lambda gone=workers[0]: gone not in product.children(parent.pid), "the end of a worker", 20
        )
        product.wait_for(lambda count=3 + round_: starts() == count, "another worker in its place")
        after = scraped(free_port)
        sums = [key for key in before if key[0].startswith("recsys_") and "worker" not in key[1]]
        assert len(sums) > 100
        assert [key for key in sums if after.get(key, -1.0) < before[key]] == []
    product.wait_for(lambda: len(served()) == 2, "both workers on the release again", 60)
    for worker in ("1", "2"):
        label = f'worker="{worker}"'
        product.wait_for(
            lambda label=label: 0 <= scraped(free_port)["recsys_catalogue_lag_seconds", label] < 30,
            "a worker that has read its gauges and follows the catalogue",
        )
        assert scraped(free_port)["process_resident_memory_bytes", label] > 1e7
