"""Events are worth their strength, fade by a power law, and returns take purchases back."""

import numpy as np

from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS, Behaviour, Fading, event_values, net_items

BEHAVIOUR = Behaviour(fading=Fading(days=10, exponent=1))


def values(*events: tuple[EventType, float]) -> np.ndarray:
    types = np.array([EVENT_CODES[kind] for kind, _ in events], np.int8)
    times = np.array([int(day * DAY_MS) for _, day in events], np.int64)
    return event_values(types, times, int(times.max()), BEHAVIOUR)


def test_a_purchase_fades_fast_at_first_and_slowly_later() -> None:
    worth = values((EventType.PURCHASE, 0), (EventType.PURCHASE, 20), (EventType.PURCHASE, 30))
    np.testing.assert_allclose(worth, [1 / 4, 1 / 2, 1])


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


def test_nothing_fades_with_exponent_zero() -> None:
    kinds, times = np.full(2, EVENT_CODES[EventType.PURCHASE], np.int8), np.array([0, 900 * DAY_MS], np.int64)
    assert event_values(kinds, times, 900 * DAY_MS, Behaviour(fading=Fading(exponent=0))).tolist() == [1, 1]
