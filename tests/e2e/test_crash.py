"""Twenty SIGKILLs in the middle of event posts: every acknowledged event is in the log exactly once afterwards."""

import itertools
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_store.log import EventLog

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc"),
]

# The API takes seconds to come back, the others a moment.
VICTIMS = ("valkey", "worker", "valkey", "worker", "serve") * 4
POSTERS = 3
BATCH = 50
# Posts that must have been acknowledged between two kills, so that each one strikes while events flow.
FLOW = 5


class Poster(threading.Thread):
    """A shop's backend: sends batches one after another, each again and again until it is acknowledged."""

    def __init__(self, number: int, caller: Any) -> None:
        super().__init__(name=f"poster-{number}")
        self._number = number
        self._caller = caller
        self.stop = threading.Event()
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()
        self.posts = 0
        self.failures: Counter[int] = Counter()
        self.broken: str | None = None

    def run(self) -> None:
        for batch in map(self._batch, itertools.count()):
            if self.stop.is_set():
                return
            self.sent.update(row["event_id"] for row in batch)
            while not self._post(batch):
                time.sleep(0.05)
            if self.broken:
                return
            self.acknowledged.update(row["event_id"] for row in batch)

    def _post(self, batch: list[dict[str, Any]]) -> bool:
        answer = self._caller.post("/v1/events", {"events": batch})
        if answer.status == 200:
            taken = answer.body["accepted"] + answer.body["duplicates"]
            self.broken = None if taken == len(batch) else f"{answer.body}"
            self.posts += 1
            return True
        self.failures[answer.status] += 1
        self.broken = None if answer.status in (0, 503) else f"{answer.status} {answer.body}"
        return self.broken is not None

    def _batch(self, number: int) -> list[dict[str, Any]]:
        now = time.time_ns() // 1_000_000
        # A third of the events is a day or two old, so that several partitions are written at once.
        return [
            {
                "event_id": f"{self._number}-{number}-{row}-{uuid.uuid4()}",
                "type": "view",
                "user_id": f"买家-{row}",
                "item_id": f"商品-{row % 7}",
                "timestamp": now - (row % 3) * 24 * 3600 * 1000,
            }
            for row in range(BATCH)
        ]


def test_every_acknowledged_event_is_in_the_log_exactly_once(
    make_product: Callable[..., Any], free_port: int
) -> None:
    product = make_product()
    callers = [product.storefront(free_port) for _ in range(POSTERS)]
    up = product.start("up", "--port", str(free_port))
    product.wait_for(lambda: callers[0].get("/healthz").status == 200, "a live API")
    posters = [Poster(number, caller) for number, caller in enumerate(callers)]
    for poster in posters:
        poster.start()
    try:
        strike(product, up, posters)
    finally:
        for poster in posters:
            poster.stop.set()
        for poster in posters:
            poster.join(60)
    assert [poster.broken for poster in posters] == [None] * POSTERS
    assert not any(poster.is_alive() for poster in posters)
    up.send_signal(signal.SIGTERM)
    assert up.wait(60) == 0, product.said()
    # On a slow machine some are still in the stream, which is what acknowledged means; a worker moves them.
    product.run("worker", "--once")

    stored = Counter(EventLog(product.home / "events").scan(columns=["event_id"])["event_id"].to_pylist())
    acknowledged = set().union(*(poster.acknowledged for poster in posters))
    sent = set().union(*(poster.sent for poster in posters))
    assert len(acknowledged) >= len(VICTIMS) * FLOW * BATCH
    lost = sorted(acknowledged - set(stored))
    assert (len(lost), lost[:5]) == (0, [])
    assert [event_id for event_id, times in stored.items() if times != 1] == []
    assert sorted(set(stored) - sent) == []
    # The kills were felt: calls were refused or cut off, and still nothing was lost.
    assert sum((poster.failures for poster in posters), Counter())[0] > 0


def strike(product: Any, up: "subprocess.Popen[bytes]", posters: list[Poster]) -> None:
    """Kill the API, the worker and the store in turns, each while posts are being acknowledged."""
    generator = random.Random(20)
    for victim in VICTIMS:
        posts = sum(poster.posts for poster in posters)
        product.wait_for(
            lambda before=posts: sum(poster.posts for poster in posters) >= before + FLOW,
            f"acknowledged posts before {victim} is killed",
        )
        time.sleep(generator.uniform(0.0, 0.3))
        product.wait_for(lambda name=victim: pid_of(up.pid, product.home, name), f"a running {victim}")
        pid = pid_of(up.pid, product.home, victim)
        assert pid is not None
        product.kill(pid)


def pid_of(supervisor: int, home: Path, name: str) -> int | None:
    return store_pid(home / "valkey" / "valkey.sock") if name == "valkey" else child_pid(supervisor, name)


def child_pid(supervisor: int, verb: str) -> int | None:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    for pid in children:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        except OSError:
            continue
        if command[-1] == verb:
            return int(pid)
    return None


def store_pid(path: Path) -> int | None:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"INFO server\r\n")
            text = client.recv(65536).decode()
        except OSError:
            return None
    pids = [line.partition(":")[2] for line in text.splitlines() if line.startswith("process_id")]
    return int(pids[0]) if pids else None
