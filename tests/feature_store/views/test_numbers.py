"""Views of a tiny shop against numbers worked out by hand, and their explanations."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from feature_store.engines import Tables
from feature_store.engines.duck import DuckEngine
from feature_store.history import item_history
from feature_store.identity_edges import IdentityEdge
from feature_store.log import EventLog
from feature_store.log.parts import DAY
from feature_store.records.codec import events_to_table
from feature_store.views.explain import explain
from feature_store.views.feature_view import Scope
from feature_store.views.standard import VIEWS, named_views
from recsys.errors import InputError
from recsys.types import Event, EventType, Item, Offer

START = 19_801 * DAY  # a Tuesday
UNTIL = START + 40 * DAY
MINUTE = 60_000
KINDS = EventType


def event(name: str, kind: EventType, at: int, **more: Any) -> Event:
    plain = Event(event_id=name, type=kind, timestamp=at, user_id="u", item_id="i")
    return replace(plain, **more)


EVENTS = (
    event("v1", KINDS.VIEW, START + 10 * MINUTE, channel="app"),
    event("v2", KINDS.VIEW, START + 39 * MINUTE, channel="app"),
    event("v3", KINDS.VIEW, START + 70 * MINUTE, channel="小程序"),
    event("b1", KINDS.PURCHASE, START, order_id="o1", quantity=2.0, price=10.0, discount=5.0),
    event(
        "b2",
        KINDS.PURCHASE,
        START + 10 * DAY,
        order_id="o2",
        price=20.0,
        coupon_id="c",
        item_id=None,
        sku="sku-j",
    ),
    event("b3", KINDS.PURCHASE, START + 16 * DAY, order_id="o3", quantity=1.0, price=30.0),
    event("r1", KINDS.RETURN, START + 39 * DAY, order_id="o3", quantity=1.0, price=30.0),
    event("s1", KINDS.VIEW, START + 39 * DAY + 1, user_id=None, session_id="s"),
    event("x1", KINDS.VIEW, START + 39 * DAY + 2, user_id="other", test=True),
    event("x2", KINDS.PURCHASE, UNTIL, price=1.0),
)


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    EventLog(tmp_path / "events").append(events_to_table(EVENTS), "test")
    items = [
        Item(item_id="i", category="a > b", brand="甲", offers=(Offer(sku="sku-i", price=10.0),)),
        Item(item_id="j", category="a > c", brand="甲", offers=(Offer(sku="sku-j"),)),
    ]
    item_history(tmp_path).import_all(items, START)
    edges = (IdentityEdge("s", "u", UNTIL - 1),)
    with DuckEngine("1GB", 2, tmp_path / "scratch") as engine:
        yield Tables(engine, tmp_path, UNTIL, edges, zone=ZoneInfo("Asia/Shanghai"))


def rows(name: str, tables: Tables) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = VIEWS[name].rows(Scope(tables)).to_pylist()
    return found


def test_activity_counts_merged_shoppers_and_neither_tests_nor_the_future(tables: Tables) -> None:
    (row,) = rows("user_activity", tables)
    assert (row["views_1d"], row["views_365d"], row["purchases_30d"], row["returns_1d"]) == (1, 4, 2, 1)
    assert (row["events"], row["active_days"]) == (8, 4)
    assert (row["first_at"], row["last_purchase_at"]) == (START, START + 16 * DAY)
    assert row["last_cart_at"] is None


def test_before_the_merge_the_session_is_nobody_known(tables: Tables) -> None:
    (row,) = rows("user_activity", replace(tables, edges=()))
    assert row["views_365d"] == 3


def test_value_is_recency_frequency_and_money(tables: Tables) -> None:
    (row,) = rows("user_value", tables)
    assert (row["orders_30d"], row["orders_365d"]) == (2, 3)
    assert (row["revenue_30d"], row["revenue_365d"], row["net_revenue_365d"]) == (50.0, 70.0, 40.0)
    assert row["recency_days"] == 24.0
    assert row["basket_value"] == pytest.approx(70 / 3)
    assert row["item_price"] == pytest.approx(70 / 4)
    assert row["discount_share"] == pytest.approx(5 / 75)
    assert (row["coupon_share"], row["return_share"]) == (pytest.approx(1 / 3), 0.25)
    # Gaps of 10 and 6 days.
    assert (row["cycle_days"], row["cycle_spread_days"]) == (8.0, pytest.approx(math.sqrt(8)))


def test_rhythm_is_in_the_shops_time_zone(tables: Tables) -> None:
    (row,) = rows("user_rhythm", tables)
    # Midnight UTC is eight in Shanghai; five of eight events lie in that hour, five on that Tuesday or the next ones.
    assert (row["top_hour"], row["top_hour_share"]) == (8, 7 / 8)
    assert row["top_weekday"] == 1
    assert (row["top_channel"], row["top_channel_share"]) == ("app", 2 / 8)
    assert row["night_share"] == 0.0


def test_affinity_halves_in_thirty_days(tables: Tables) -> None:
    first, second = rows("user_category", tables)
    assert (first["category"], second["category"]) == ("a > b", "a > c")
    assert second["strength"] == pytest.approx(5 * 2 ** (-29 / 30))
    # On day 0: three views and a purchase; day 16: a purchase; day 39: a return and a view.
    expected = (3 + 5) * 2 ** (-39 / 30) + 5 * 2 ** (-23 / 30) - 5 + 1
    assert first["strength"] == pytest.approx(expected)
    assert {first["rank"], second["rank"]} == {1, 2}
    (brand,) = rows("user_brand", tables)
    assert (brand["brand"], brand["purchases"], brand["amount"]) == ("甲", 3, 70.0)


def test_items_count_what_was_sold_under_any_of_their_names(tables: Tables) -> None:
    first, second = rows("item_sales", tables)
    assert (first["item_id"], first["units_365d"], first["revenue_365d"], first["buyers_365d"]) == (
        "i",
        3.0,
        50.0,
        1,
    )
    assert (first["views_365d"], first["conversion_365d"], first["return_share"]) == (
        4,
        0.5,
        pytest.approx(1 / 3),
    )
    assert (first["trend"], first["units_7d"]) == (0.0, 0.0)
    assert (second["item_id"], second["units_30d"], second["conversion_30d"]) == ("j", 1.0, None)


def test_half_an_hour_of_silence_parts_sessions(tables: Tables) -> None:
    found = rows("session", tables)
    # The purchase at 0, views at 10 and 39 minutes; the view at 70 is 31 minutes later.
    assert [(row["session_start"] - START, row["length_ms"]) for row in found[:2]] == [
        (0, 39 * MINUTE),
        (70 * MINUTE, 0),
    ]
    assert [row["session_id"] for row in found].count("s") == 1
    (habits,) = rows("user_sessions", tables)
    assert (habits["sessions_365d"], habits["mean_events"]) == (6, pytest.approx(8 / 6))


def test_silence_is_counted_across_midnight(tmp_path: Path) -> None:
    near = [event(f"e{at}", KINDS.VIEW, START + DAY + at * MINUTE) for at in (-20, 5, 34, 65)]
    EventLog(tmp_path / "events").append(events_to_table(near), "test")
    with DuckEngine("1GB", 1, tmp_path / "scratch") as engine:
        found = rows("session", Tables(engine, tmp_path, UNTIL))
    assert [row["events"] for row in found] == [3, 1]


def test_an_explanation_holds_the_events_and_the_numbers_they_give(tables: Tables) -> None:
    found = explain(VIEWS["user_value"], tables, "s")
    assert [row["event_id"] for row in found.events] == ["b1", "b2", "b3", "r1"]
    assert found.events[0]["amount"] == 20.0
    assert list(found.rows) == rows("user_value", tables)
    with pytest.raises(InputError, match="about items"):
        explain(VIEWS["item_sales"], tables, "u")


def test_an_unknown_view_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="user_value"):
        named_views(["user_valu"])
