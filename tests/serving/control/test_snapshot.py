"""Snapshots: fresh while the source answers, the last value while it does not, never a long wait."""

import threading
import time

import pytest

from recsys.errors import UnavailableError
from serving.control.snapshot import Snapshot


class Source:
    def __init__(self) -> None:
        self.value = 1
        self.away = False
        self.reads = 0
        self.gate = threading.Event()
        self.gate.set()

    def load(self) -> int:
        self.reads += 1
        value = self.value
        self.gate.wait(10)
        if self.away:
            raise OSError("the source is away")
        return value


class Hands:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def make(source: Source, hands: Hands, patience_s: float = 5.0) -> Snapshot[int]:
    return Snapshot("numbers", source.load, ttl_s=3.0, patience_s=patience_s, monotonic=hands)


def test_one_read_serves_everybody_until_the_time_to_live_is_over() -> None:
    source, hands = Source(), Hands()
    snapshot = make(source, hands)
    source_reads = [snapshot.get() for _ in range(10)]
    assert source_reads == [1] * 10
    assert source.reads == 1
    source.value = 2
    hands.at += 1.4
    assert snapshot.get() == 1
    assert source.reads == 1
    hands.at += 1.6
    assert snapshot.get() == 2


def test_under_traffic_it_is_read_again_before_its_time_is_over_and_nobody_waits() -> None:
    source, hands = Source(), Hands()
    snapshot = make(source, hands, patience_s=60)
    assert snapshot.get() == 1
    source.gate.clear()
    source.value = 2
    hands.at += 1.6
    assert snapshot.get() == 1  # would hang here for a minute if it waited
    source.gate.set()
    wait_for(lambda: snapshot.get() == 2)
    assert source.reads == 2


def test_a_read_that_hangs_for_good_is_given_up() -> None:
    source, hands = Source(), Hands()
    snapshot = make(source, hands, patience_s=0.0)
    assert snapshot.get() == 1
    source.gate.clear()
    hands.at += 4
    snapshot.get()
    wait_for(lambda: source.reads == 2)
    hands.at += 59
    snapshot.get()
    assert source.reads == 2
    hands.at += 2
    snapshot.get()
    wait_for(lambda: source.reads == 3)
    source.gate.set()


def test_a_source_that_goes_away_leaves_the_last_value_and_says_so() -> None:
    source, hands = Source(), Hands()
    snapshot = make(source, hands)
    assert snapshot.get() == 1
    source.away = True
    hands.at += 4
    assert snapshot.get() == 1
    assert snapshot.stale
    source.away, source.value = False, 3
    hands.at += 4
    assert snapshot.get() == 3
    assert not snapshot.stale


def test_a_source_that_was_never_there_is_an_error_and_is_tried_again_later() -> None:
    source, hands = Source(), Hands()
    source.away = True
    snapshot = make(source, hands)
    for _ in range(3):
        with pytest.raises(UnavailableError, match="numbers"):
            snapshot.get()
    assert source.reads == 1
    source.away = False
    hands.at += 4
    assert snapshot.get() == 1


def test_a_source_that_hangs_holds_nobody_and_is_asked_by_one_thread_only() -> None:
    source, hands = Source(), Hands()
    snapshot = make(source, hands, patience_s=0.01)
    assert snapshot.get() == 1
    source.gate.clear()
    source.value = 2
    hands.at += 4
    assert [snapshot.get() for _ in range(5)] == [1] * 5
    assert source.reads == 2
    source.gate.set()
    wait_for(lambda: snapshot.get() == 2)


def test_a_refresh_of_ones_own_is_not_undone_by_an_older_read_that_ends_later() -> None:
    source, hands = Source(), Hands()
    snapshot = make(source, hands, patience_s=0.01)
    assert snapshot.get() == 1
    source.gate.clear()
    hands.at += 4
    snapshot.get()  # a read of the value 1 is now under way
    wait_for(lambda: source.reads == 2)
    source.value = 2
    newer = threading.Thread(target=snapshot.refresh)
    newer.start()
    source.gate.set()
    newer.join()
    time.sleep(0.05)
    assert snapshot.get() == 2


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)
