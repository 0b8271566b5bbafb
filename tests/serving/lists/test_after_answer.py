import threading
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from feature_store.online.memory import MemoryOnlineStore
from recsys.errors import UnavailableError
from recsys.types import Event, EventType
from serving.lists.after_answer import AfterAnswer


def served(number: int) -> Event:
    return Event(event_id=f"r{number}", type=EventType.SERVED, timestamp=number, user_id="u")


class Noting(MemoryOnlineStore):
    """The memory store with the one method that is needed here."""

    def note(self, pages: Sequence[tuple[str, bytes]], events: Sequence[Event]) -> None:
        for recomm_id, payload in pages:
            self.remember_page(recomm_id, payload)
        self.append_served(events)


class Slow(Noting):
    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.batches: list[int] = []

    def note(self, pages: Sequence[tuple[str, bytes]], events: Sequence[Event]) -> None:
        self.go.wait(10)
        self.batches.append(len(events))
        super().note(pages, events)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def after(slow: Slow) -> Iterator[AfterAnswer]:
    made = AfterAnswer(slow, capacity=50)
    made.start()
    yield made
    slow.go.set()
    made.close()


def test_nobody_waits_for_the_store_and_everything_is_written(after: AfterAnswer, slow: Slow) -> None:
    for number in range(20):
        after.served(partial(served, number))
    after.page("p", b"payload")
    assert not after.flush(0.05)
    slow.go.set()
    assert after.flush()
    assert [event.event_id for _, event in slow.read_stream("0", 100)] == [f"r{n}" for n in range(20)]
    assert slow.recall_page("p") == b"payload"
    assert len(slow.batches) < 20
    assert after.dropped == 0


def test_what_does_not_fit_is_counted_and_dropped(after: AfterAnswer, slow: Slow) -> None:
    for number in range(400):
        after.served(partial(served, number))
    slow.go.set()
    assert after.flush()
    assert after.dropped >= 400 - 50 - 100
    assert len(slow.read_stream("0", 1000)) == 400 - after.dropped


def test_closing_writes_what_is_queued(slow: Slow) -> None:
    after = AfterAnswer(slow)
    slow.go.set()
    after.start()
    for number in range(300):
        after.served(partial(served, number))
    after.close()
    assert len(slow.read_stream("0", 1000)) == 300


class Away:
    def note(self, pages: Sequence[tuple[str, bytes]], events: Sequence[Event]) -> None:
        raise UnavailableError("away")


class Broken:
    def note(self, pages: Sequence[tuple[str, bytes]], events: Sequence[Event]) -> None:
        raise ValueError("unexpected")


def test_a_store_that_is_away_or_broken_costs_the_notes_and_nothing_else() -> None:
    for store in (Away(), Broken()):
        after = AfterAnswer(store)
        after.start()
        after.served(partial(served, 1))
        assert after.flush()
        assert after.dropped == 1
        after.served(partial(served, 2))
        assert after.flush()
        assert after.dropped == 2
        after.close()
