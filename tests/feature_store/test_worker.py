import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from feature_store.errors import BusyError
from feature_store.history import Deletion
from feature_store.log import EventLog
from feature_store.online.contract import Backlog
from feature_store.online.memory import MemoryOnlineStore
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.worker import Destinations, Pace, Worker, only_worker
from recsys.errors import UnavailableError
from recsys.types import Event, EventType, Item, User

DAY = 86_400_000
NOW = 1_700_000_000_000
SMALL = Pace(flush_s=0.0, batch=4, poll_s=0.005, longest_wait_s=0.02, flushes_per_merge=3)


def event(number: int, day: int = 0) -> Event:
    return Event(
        event_id=str(number), type=EventType.VIEW, timestamp=NOW + day * DAY, user_id="用户", item_id="商品"
    )


def logged(home: Path) -> list[str]:
    return sorted(EventLog(home / "events").scan(columns=["event_id"])["event_id"].to_pylist(), key=int)


def names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_everything_that_was_acknowledged_is_written_and_then_trimmed(
    redis_store: RedisOnlineStore, tmp_path: Path
) -> None:
    redis_store.append_events([event(number, day=number % 3) for number in range(11)])
    worker = Worker(redis_store, Destinations.of(tmp_path), SMALL)
    assert worker.drain() == 11
    assert logged(tmp_path) == names(11)
    assert redis_store.backlog() == Backlog(0, None)
    assert worker.drain() == 0


def test_a_crash_between_writing_and_trimming_repeats_nothing(
    redis_store: RedisOnlineStore, tmp_path: Path
) -> None:
    redis_store.append_events([event(number, day=number % 2) for number in range(6)])
    crashed = Destinations.of(tmp_path)
    crashed.log.write_stream_batch(redis_store.read_stream("0", 4))
    redis_store.append_events([event(6)])
    Worker(redis_store, Destinations.of(tmp_path), SMALL).drain()
    assert logged(tmp_path) == names(7)


def test_items_and_users_get_their_history(redis_store: RedisOnlineStore, tmp_path: Path) -> None:
    redis_store.put_items([Item(item_id="杯", brand="甲", updated_at=NOW), Item(item_id="b", updated_at=NOW)])
    redis_store.put_items([Item(item_id="杯", brand="乙", updated_at=NOW + 1)])
    redis_store.delete_item("b", at=NOW + 2)
    redis_store.put_user(User(user_id="u", attributes={"城市": "上海"}, updated_at=NOW))
    redis_store.put_user(User(user_id="v", updated_at=NOW))
    redis_store.delete_user("v", at=NOW + 2)
    to = Destinations.of(tmp_path)
    Worker(redis_store, to, SMALL).drain()
    assert [(item.item_id, item.brand) for item in to.items.at(NOW)] == [("杯", "甲"), ("b", None)]
    assert [(item.item_id, item.brand) for item in to.items.at()] == [("杯", "乙")]
    assert [user.user_id for user in to.users.at(NOW)] == ["u", "v"]
    assert [user.attributes for user in to.users.at()] == [{"城市": "上海"}]
    assert redis_store.read_user_changes("0", 10) == []


def test_item_changes_stay_for_serving_but_are_not_written_again(
    redis_store: RedisOnlineStore, tmp_path: Path
) -> None:
    class Counting:
        recorded = 0

        def record(self, values: Sequence[Item | Deletion], now: int) -> None:
            self.recorded += len(values)

    items = Counting()
    to = Destinations(EventLog(tmp_path / "events"), items, Destinations.of(tmp_path).users)  # type: ignore[arg-type]
    redis_store.put_items([Item(item_id=name, updated_at=1) for name in names(9)])
    Worker(redis_store, to, SMALL).drain()
    Worker(redis_store, to, SMALL).drain()
    assert items.recorded == 9
    assert len(redis_store.read_item_changes("0", 100)) == 9


def test_item_changes_go_an_hour_after_they_were_written(
    redis_store: RedisOnlineStore, tmp_path: Path
) -> None:
    redis_store.put_items([Item(item_id="a", updated_at=1)])
    last = int(redis_store.read_item_changes("0", 1)[0][0].partition("-")[0])
    clock = [last]
    worker = Worker(redis_store, Destinations.of(tmp_path), SMALL, clock=lambda: clock[0])
    worker.drain()
    assert len(redis_store.read_item_changes("0", 10)) == 1
    clock[0] += 3_600_001
    worker.drain()
    assert redis_store.read_item_changes("0", 10) == []


def test_parts_of_a_day_are_merged_now_and_then(tmp_path: Path) -> None:
    store = MemoryOnlineStore()
    worker = Worker(store, Destinations.of(tmp_path), SMALL)
    for number in range(3):
        store.append_events([event(number)])
        worker.drain()
    assert len(EventLog(tmp_path / "events").files()) == 1
    assert logged(tmp_path) == names(3)


def test_the_worker_writes_what_is_left_when_it_is_told_to_stop(tmp_path: Path) -> None:
    store, stop = MemoryOnlineStore(), threading.Event()
    slow = Pace(flush_s=3600.0, batch=1000, poll_s=0.005)
    worker = Worker(store, Destinations.of(tmp_path), slow)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    store.append_events([event(number) for number in range(3)])
    stop.set()
    thread.join()
    assert logged(tmp_path) == names(3)


def test_a_full_batch_is_written_before_its_time(tmp_path: Path) -> None:
    store, stop = MemoryOnlineStore(), threading.Event()
    worker = Worker(store, Destinations.of(tmp_path), Pace(flush_s=3600.0, batch=4, poll_s=0.005))
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    for number in range(4):
        store.append_events([event(number)])
    while store.backlog().length:
        stop.wait(0.005)
    stop.set()
    thread.join()
    assert logged(tmp_path) == names(4)


class Away(MemoryOnlineStore):
    """A store that comes back after some calls."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.back = threading.Event()

    def backlog(self) -> Backlog:
        if self.failures > 0:
            self.failures -= 1
            raise UnavailableError("gone fishing")
        self.back.set()
        return super().backlog()


def test_while_the_store_is_away_the_worker_waits_says_so_once_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, stop = Away(failures=5), threading.Event()
    store.append_events([event(0)])
    pace = Pace(flush_s=3600.0, batch=10, poll_s=0.002, longest_wait_s=0.01)
    thread = threading.Thread(target=Worker(store, Destinations.of(tmp_path), pace).run, args=(stop,))
    with caplog.at_level(logging.INFO):
        thread.start()
        assert store.back.wait(10)
        stop.wait(0.05)
        stop.set()
        thread.join()
    assert [record.message for record in caplog.records] == [
        "the worker waits: gone fishing",
        "the worker goes on",
    ]
    assert logged(tmp_path) == ["0"]


def test_there_is_one_worker_per_home(tmp_path: Path) -> None:
    with only_worker(tmp_path), pytest.raises(BusyError, match="running"), only_worker(tmp_path):
        pass
    with only_worker(tmp_path):
        pass
