"""What a shopper did with each item is counted as it happened, with ages back from the newest event."""

from collections.abc import Sequence

import numpy as np
import pytest

from recsys.history import History
from recsys.past import EMPTY_PAST, Past
from recsys.types import EVENT_CODES, EventType
from recsys.weights import HOUR_MS

VIEW, CART, BUY = EventType.VIEW, EventType.CART, EventType.PURCHASE
MILK, TEA, SOFA = 3, 5, 9
VALUES = ("events", "purchases", "carts", "age", "bought_age", "span", "interval", "week", "quarter", "depth")


def past(*rows: tuple[int, EventType, float]) -> Past:
    """Events are (item, type, hour), oldest first."""
    return Past.of(history(rows))


def history(rows: Sequence[tuple[int, EventType, float]], start: int = 0) -> History:
    items, kinds, hours = zip(*rows, strict=True)
    times = start + np.round(np.array(hours) * HOUR_MS).astype(np.int64)
    return History(np.array(items, np.int32), np.array([EVENT_CODES[k] for k in kinds], np.int8), times)


def test_every_item_is_counted_once_with_its_own_behaviours() -> None:
    found = past((TEA, VIEW, 0), (MILK, VIEW, 1), (MILK, CART, 2), (MILK, BUY, 4), (TEA, BUY, 10))
    assert found.codes.tolist() == [MILK, TEA]
    assert found.events.tolist() == [3, 2]
    assert found.carts.tolist() == [1, 0]
    assert found.purchases.tolist() == [1, 1]


def test_ages_span_and_interval_are_hours_back_from_the_newest_event() -> None:
    found = past((TEA, VIEW, 0), (MILK, VIEW, 1), (MILK, BUY, 3), (MILK, VIEW, 7), (TEA, VIEW, 10))
    assert found.age.tolist() == [3, 0]
    assert found.span.tolist() == [6, 10]
    assert found.interval.tolist() == [3, 10]
    assert found.bought_age.tolist() == [7, pytest.approx(1e6)]


def test_a_visit_is_over_after_thirty_minutes_of_silence() -> None:
    rows, newest = history([(TEA, VIEW, 0), (MILK, VIEW, 2)]), 2 * HOUR_MS
    assert not Past.of(rows).opens_visit
    assert not Past.of(rows, newest + HOUR_MS // 2).opens_visit
    assert Past.of(rows, newest + HOUR_MS // 2 + 1).opens_visit
    assert not Past.of(history([(TEA, VIEW, 0)])).opens_visit
    assert not EMPTY_PAST.opens_visit


def test_an_event_is_worth_half_after_its_half_life() -> None:
    found = past((MILK, VIEW, 0), (TEA, VIEW, 7 * 24))
    assert found.week.tolist() == pytest.approx([0.5, 1.0])
    assert past((MILK, VIEW, 0), (TEA, VIEW, 90 * 24)).quarter.tolist() == pytest.approx([0.5, 1.0])


def test_depth_counts_the_distinct_items_touched_since() -> None:
    found = past((MILK, VIEW, 0), (TEA, VIEW, 1), (SOFA, VIEW, 2), (TEA, VIEW, 3), (TEA, CART, 4))
    assert dict(zip(found.codes.tolist(), found.depth.tolist(), strict=True)) == {TEA: 0, SOFA: 1, MILK: 2}


def test_a_session_ends_where_half_an_hour_passes() -> None:
    found = past((MILK, VIEW, 0), (TEA, VIEW, 0.4), (MILK, VIEW, 1.0), (SOFA, VIEW, 1.5))
    assert found.session_start == 2
    assert found.in_session.tolist() == [1, 0, 1]


def test_what_takes_back_is_no_event_but_ages_what_was_before() -> None:
    found = past((MILK, BUY, 0), (MILK, EventType.RETURN, 48))
    assert found.events.tolist() == [1]
    assert found.age.tolist() == [48]
    assert len(found.history) == 1


def test_when_a_history_happened_does_not_matter_only_how_it_lies_in_time() -> None:
    rows = [(MILK, VIEW, 0.0), (TEA, BUY, 2.0), (MILK, CART, 30.0)]
    early, late = Past.of(history(rows)), Past.of(history(rows, start=10**12))
    for name in VALUES:
        np.testing.assert_array_equal(getattr(early, name), getattr(late, name))


def test_a_history_without_interest_is_an_empty_past() -> None:
    found = past((MILK, EventType.IMPRESSION, 0), (MILK, EventType.UNCART, 1))
    assert len(found) == len(found.history) == len(EMPTY_PAST) == 0
    assert all(getattr(found, name).shape == (0,) for name in VALUES)
