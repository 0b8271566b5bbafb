import numpy as np
import pytest

from feature_store.simulator.browsing import Rows, browse
from feature_store.simulator.config import Simulation
from feature_store.simulator.funnel import STEPS, Happenings, happen
from feature_store.simulator.sessions import Sessions, sessions_on
from feature_store.simulator.shop import Shop, open_shop
from recsys.types import EventType

DAY = 40


def steps(found: Happenings, *kinds: EventType) -> np.ndarray:
    return np.isin(found.step, [STEPS.index(kind) for kind in kinds])


def run(shop: Shop) -> tuple[Sessions, Rows, Happenings]:
    sessions = next(iter(sessions_on(shop, DAY, 400_000, 5_000)))
    rows = browse(shop, sessions)
    return sessions, rows, happen(shop, sessions, rows)


@pytest.fixture(scope="module")
def funnel(shop: Shop) -> tuple[Sessions, Rows, Happenings]:
    return run(shop)


def test_events_stand_in_session_order_with_places_from_zero(
    funnel: tuple[Sessions, Rows, Happenings],
) -> None:
    found = funnel[2]
    assert (np.diff(found.session) >= 0).all()
    starts = np.flatnonzero(np.diff(found.session, prepend=-1))
    assert (found.place[starts] == 0).all()


def test_every_row_is_viewed_before_anything_else_happens_to_it(
    funnel: tuple[Sessions, Rows, Happenings],
) -> None:
    _, rows, found = funnel
    listed = np.flatnonzero(found.row >= 0)
    _, first = np.unique(found.row[listed], return_index=True)
    assert len(first) == len(rows.item)
    assert steps(found, EventType.VIEW)[listed[first]].all()


def test_page_views_and_searches_name_no_item(funnel: tuple[Sessions, Rows, Happenings]) -> None:
    found = funnel[2]
    assert np.array_equal(found.row < 0, steps(found, EventType.PAGE_VIEW, EventType.SEARCH))


def test_the_lines_of_an_order_share_an_instant(funnel: tuple[Sessions, Rows, Happenings]) -> None:
    found = funnel[2]
    order = steps(found, EventType.ORDER)
    sessions, times = found.session[order], found.timestamp[order]
    assert len(np.unique(sessions)) < order.sum()
    assert len(np.unique(np.stack([sessions, times]), axis=1).T) == len(np.unique(sessions))


def test_returns_come_two_days_to_two_weeks_later(
    funnel: tuple[Sessions, Rows, Happenings], shop: Shop
) -> None:
    _, _, found = funnel
    bought = dict(
        zip(
            found.row[steps(found, EventType.PURCHASE)],
            found.timestamp[steps(found, EventType.PURCHASE)],
            strict=True,
        )
    )
    back = np.flatnonzero(steps(found, EventType.RETURN))
    assert len(back) > 0
    days = np.array([(found.timestamp[i] - bought[found.row[i]]) / 86_400_000 for i in back])
    assert days.min() >= 2
    assert days.max() < 14.1


def test_a_shop_where_every_cart_is_paid_has_a_purchase_for_each_order() -> None:
    config = Simulation(users=300, items=100, events=0, seed=1, order_to_purchase=1.0, purchase_to_return=0.0)
    _, _, found = run(open_shop(config))
    orders = steps(found, EventType.ORDER)
    assert orders.sum() == steps(found, EventType.PURCHASE).sum() > 0
    assert not steps(found, EventType.RETURN).any()
