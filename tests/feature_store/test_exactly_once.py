"""The promise of the log, under SIGKILL: what was acknowledged is in it exactly once, whoever dies, whenever."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from feature_store.log import EventLog
from feature_store.online.contract import Verdict
from feature_store.online.redis_link import Timeouts
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.server.valkey import EmbeddedValkey
from feature_store.worker import Destinations, Worker
from recsys.errors import UnavailableError
from recsys.types import Event, EventType

ROUNDS = 6
WORKER = """
import sys, threading
from pathlib import Path
import redis
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.worker import Destinations, Pace, Worker, only_worker
home, socket = Path(sys.argv[1]), sys.argv[2]
store = RedisOnlineStore(redis.Redis(unix_socket_path=socket))
with only_worker(home):
    print("up", flush=True)
    pace = Pace(flush_s=0.0, batch=200, poll_s=0.02, longest_wait_s=0.02, flushes_per_merge=7)
    Worker(store, Destinations.of(home), pace).run(threading.Event())
"""


class Shop:
    """Posts events in small batches and repeats a batch until it is answered."""

    def __init__(self, store: RedisOnlineStore, name: str) -> None:
        self._store, self._name = store, name
        self.acknowledged: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._post)

    def _post(self) -> None:
        number = 0
        while not self.stop.is_set():
            batch = [self._event(number + offset) for offset in range(7)]
            number += len(batch)
            while not self._is_answered(batch):
                time.sleep(0.01)
            self.acknowledged += [event.event_id for event in batch]
            time.sleep(0.02)

    def _event(self, number: int) -> Event:
        timestamp = 1_700_000_000_000 + number % 3 * 86_400_000 + number
        return Event(
            event_id=f"{self._name}-{number}", type=EventType.VIEW, timestamp=timestamp,
            user_id=self._name, item_id="商品",
        )  # fmt: skip

    def _is_answered(self, batch: list[Event]) -> bool:
        try:
            verdicts = self._store.append_events(batch)
        except UnavailableError:
            return False
        assert Verdict.CONFLICT not in verdicts
        return True


@pytest.fixture
def server(short_folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(short_folder / "valkey")
    server.ensure()
    yield server
    server.leave()
    assert server.wait_until_stopped()


def start_worker(home: Path, server: EmbeddedValkey) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home), str(server.socket)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def kill_server(server: EmbeddedValkey) -> None:
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)
    server.ensure()


@pytest.mark.slow
def test_killing_the_worker_and_the_store_loses_and_doubles_nothing(
    server: EmbeddedValkey, short_folder: Path
) -> None:
    home, chance = short_folder / "home", random.Random(7)
    client = redis.Redis(unix_socket_path=str(server.socket))
    store = RedisOnlineStore(client, timeouts=Timeouts(write_s=5.0))
    shops = [Shop(store, f"店{number}") for number in range(3)]
    worker = start_worker(home, server)
    for shop in shops:
        shop.thread.start()
    for turn in range(ROUNDS):
        time.sleep(chance.uniform(0.02, 0.3))
        if turn % 2:
            worker.kill()
            worker.communicate()
            worker = start_worker(home, server)
        else:
            kill_server(server)
    for shop in shops:
        shop.stop.set()
        shop.thread.join()
    worker.kill()
    worker.communicate()
    Worker(store, Destinations.of(home)).drain()
    logged = Counter(EventLog(home / "events").scan(columns=["event_id"])["event_id"].to_pylist())
    acknowledged = [event_id for shop in shops for event_id in shop.acknowledged]
    assert len(acknowledged) > 100
    assert [event_id for event_id in acknowledged if logged[event_id] != 1] == []
    assert max(logged.values()) == 1
    store.close()
