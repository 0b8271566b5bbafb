"""Events are worth their strength, half of it after a half-life, and returns take purchases back."""

import numpy as np

from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS, Behaviour, event_values, net_items

BEHAVIOUR = Behaviour(half_life_days=10)


def values(*events: tuple[EventType, float]) -> np.ndarray:
    types = np.array([EVENT_CODES[kind] for kind, _ in events], np.int8)
    times = np.array([int(day * DAY_MS) for _, day in events], np.int64)
    return event_values(types, times, int(times.max()), BEHAVIOUR)


def test_a_purchase_is_worth_half_after_one_half_life() -> None:
    np.testing.assert_allclose(values((EventType.PURCHASE, 0), (EventType.PURCHASE, 10)), [0.5, 1.0])


def test_a_view_is_worth_less_than_a_cart_and_a_cart_less_than_a_purchase() -> None:
    view, cart, bought = values((EventType.VIEW, 0), (EventType.CART, 0), (EventType.PURCHASE, 0))
    assert 0 < view < cart < bought


def test_impressions_and_server_events_say_nothing_about_interest() -> None:
    assert values((EventType.IMPRESSION, 0), (EventType.SERVED, 0), (EventType.SEARCH, 0)).tolist() == [
        0,
        0,
        0,
    ]


def test_a_returned_purchase_leaves_no_interest_and_another_item_stays() -> None:
    worth = values((EventType.PURCHASE, 0), (EventType.RETURN, 3), (EventType.PURCHASE, 5))
    codes, sums = net_items(np.array([7, 7, 2], np.int32), worth)
    assert codes.tolist() == [2]
    np.testing.assert_allclose(sums, [1.0])


def test_scaling_all_ages_by_moving_the_clock_never_changes_the_order() -> None:
    types = np.array([EVENT_CODES[EventType.VIEW], EVENT_CODES[EventType.PURCHASE]], np.int8)
    times = np.array([5 * DAY_MS, 1 * DAY_MS], np.int64)
    early, late = (event_values(types, times, day * DAY_MS, BEHAVIOUR) for day in (5, 400))
    np.testing.assert_allclose(early[0] / early[1], late[0] / late[1], rtol=1e-4)
