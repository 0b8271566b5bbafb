"""A log's figures are those it was built with."""

import pytest

from recsys.profile import Profile
from recsys.testing import log_of
from recsys.types import EventType

VIEW, BUY = EventType.VIEW, EventType.PURCHASE
MINUTE = 1 / 1440


def test_a_log_is_counted_by_shoppers_items_visits_and_days() -> None:
    found = Profile.of(
        log_of(
            [
                *(("ann", item, VIEW, 1 + n * MINUTE) for n, item in enumerate(("milk", "tea", "milk"))),
                ("ann", "milk", VIEW, 3),
                ("bob", "sofa", BUY, 11),
            ]
        )
    )
    assert (found.events, found.shoppers, found.items, found.sessions) == (5, 2, 3, 3)
    assert found.items_per_session == pytest.approx(4 / 3)
    assert found.repeats == pytest.approx(1 / 4)
    assert found.days == pytest.approx(10)


@pytest.mark.parametrize(("gap", "kind"), [(0.0, "a shop of baskets"), (MINUTE, "a shop of sessions")])
def test_baskets_share_one_time_and_sessions_do_not(gap: float, kind: str) -> None:
    rows = [
        (f"user{n}", item, BUY, day + place * gap)
        for n in range(5)
        for day in (1, 8)
        for place, item in enumerate(("milk", "tea"))
    ]
    found = Profile.of(log_of(rows))
    assert found.baskets == float(gap == 0)
    assert found.sentence().startswith(kind)


def test_what_is_no_interest_is_not_counted_and_nothing_has_a_profile_of_zeros() -> None:
    found = Profile.of(
        log_of([("ann", "milk", EventType.IMPRESSION, 1), ("ann", "milk", EventType.RETURN, 2)])
    )
    assert found == Profile(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    assert "0 events" in found.sentence()
