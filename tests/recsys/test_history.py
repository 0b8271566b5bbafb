"""A history is what was known at a moment, newest last, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from recsys.history import History
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

VIEW = EVENT_CODES[EventType.VIEW]
ITEMS = Vocabulary(["a", "b", "杯子"])


def test_events_are_ordered_by_time_and_later_ones_are_not_seen() -> None:
    history = History.of([("b", VIEW, 20), ("a", VIEW, 10), ("杯子", VIEW, 31)], ITEMS, as_of=30, limit=10)
    assert ITEMS.decode(history.items) == ["a", "b"]
    assert history.times.tolist() == [10, 20]


def test_unknown_items_leave_the_history_but_still_count_toward_the_limit() -> None:
    events = [("a", VIEW, 1), ("gone", VIEW, 2), ("b", VIEW, 3)]
    assert ITEMS.decode(History.of(events, ITEMS, as_of=9, limit=2).items) == ["b"]


def test_nobody_has_an_empty_history() -> None:
    assert len(History.of([], ITEMS, as_of=5, limit=3)) == 0
    assert len(History.of([("gone", VIEW, 1)], ITEMS, as_of=5, limit=3)) == 0


def test_a_part_of_a_history_keeps_its_types_only() -> None:
    bought = EVENT_CODES[EventType.PURCHASE]
    history = History.of([("a", VIEW, 1), ("b", bought, 2)], ITEMS, as_of=9, limit=5)
    assert ITEMS.decode(history.of_types([EventType.PURCHASE]).items) == ["b"]


events = st.lists(st.tuples(st.sampled_from(["a", "b", "杯子", "gone"]), st.just(VIEW), st.integers(0, 50)))


@given(events, st.integers(0, 50), st.integers(1, 20))
def test_a_history_is_ascending_bounded_and_never_from_the_future(
    rows: list[tuple[str, int, int]], as_of: int, limit: int
) -> None:
    history = History.of(rows, ITEMS, as_of, limit)
    times = history.times.tolist()
    assert times == sorted(times)
    assert all(time <= as_of for time in times)
    assert len(history.items) == len(history.types) == len(times) <= limit
