"""Builds: increments equal a full build, whatever arrives between; manifests and gates say what happened."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_store.engines import Tables
from feature_store.engines.duck import DuckEngine
from feature_store.history import user_history
from feature_store.log import EventLog
from feature_store.log.parts import DAY
from feature_store.verdicts import Status
from feature_store.views.build import build_views, builds, forget, read_table
from feature_store.views.daily_store import DailyStore
from feature_store.views.feature_view import Scope
from feature_store.views.gates import load_thresholds
from feature_store.views.standard import VIEWS
from feature_store.views.testing import START, RandomShop, random_shop
from recsys.types import Event, EventType

ALL = list(VIEWS.values())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckEngine]:
    with DuckEngine("1GB", 2, tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def tables(engine: DuckEngine, shop: RandomShop, until: int) -> Tables:
    return Tables(engine, shop.home, until, shop.edges, "personalize", ZoneInfo("Asia/Shanghai"))


def assert_close(one: pa.Table, other: pa.Table) -> None:
    assert one.schema == other.schema
    assert one.num_rows == other.num_rows
    for name in one.column_names:
        for left, right in zip(one[name].to_pylist(), other[name].to_pylist(), strict=True):
            if isinstance(left, float) and isinstance(right, float):
                assert math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9), (name, left, right)
            else:
                assert left == right, name


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), hour=st.sampled_from([0, 16]))
def test_days_added_one_by_one_equal_a_build_from_the_log(
    seed: int, hour: int, engine: DuckEngine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop = random_shop(tmp_path_factory.mktemp("shop"), seed, events=120, days=6)
    views = [
        VIEWS[name] for name in ("user_value", "user_category", "user_sessions", "session", "item_sales")
    ]
    for day in (2, 3, 4, 7):
        at = tables(engine, shop, START + day * DAY + hour * DAY // 24)
        build_views(views, at, load_thresholds())
        for view in views:
            assert_close(read_table(shop.home, view, at.until), view.rows(Scope(at)))


def test_only_new_days_and_days_with_late_events_are_computed(engine: DuckEngine, tmp_path: Path) -> None:
    shop = random_shop(tmp_path, 7, events=150, days=6)
    end = START + 30 * DAY
    assert DailyStore(tables(engine, shop, end)).refresh("activity").computed == 6
    assert DailyStore(tables(engine, shop, end)).refresh("activity").computed == 0
    late = Event(
        event_id="late",
        type=EventType.VIEW,
        timestamp=START + DAY + 5,
        received_at=end - 1,
        user_id="u2",
        item_id="i2",
    )
    fresh = replace(late, event_id="new", timestamp=end + 1, received_at=end + 2)
    EventLog(shop.home / "events").write_stream_batch([(f"{end}-0", late), (f"{end}-1", fresh)])
    after = tables(engine, shop, end + DAY)
    assert DailyStore(after).refresh("activity").computed == 2
    build_views([VIEWS["user_activity"]], after, load_thresholds())
    stored = read_table(shop.home, VIEWS["user_activity"], after.until)
    assert_close(stored, VIEWS["user_activity"].rows(Scope(after)))


def test_an_event_not_known_at_a_cut_is_counted_at_the_next(engine: DuckEngine, tmp_path: Path) -> None:
    log, cut = EventLog(tmp_path / "events"), START + 2 * DAY
    early = Event(
        event_id="a", type=EventType.VIEW, timestamp=START, received_at=START + 1, user_id="u", item_id="i"
    )
    late = replace(early, event_id="b", received_at=cut + 5)
    log.write_stream_batch([(f"{START}-0", early), (f"{START}-1", late)])
    shop, view = RandomShop(tmp_path, (), (), 2), VIEWS["user_activity"]
    for until, expected in ((cut, 1), (cut + DAY, 2)):
        build_views([view], tables(engine, shop, until), load_thresholds())
        assert read_table(tmp_path, view, until)["events"].to_pylist() == [expected]


def test_an_earlier_cut_is_made_of_the_log_and_sees_nothing_later(engine: DuckEngine, tmp_path: Path) -> None:
    shop = random_shop(tmp_path, 3)
    for day in (9, 4):
        at = tables(engine, shop, START + day * DAY)
        build_views([VIEWS["user_item"]], at, load_thresholds())
        assert_close(read_table(shop.home, VIEWS["user_item"], at.until), VIEWS["user_item"].rows(Scope(at)))
    assert [made.until for made in builds(shop.home, "user_item")] == [START + 4 * DAY, START + 9 * DAY]


def test_a_build_says_how_it_came_about(engine: DuckEngine, tmp_path: Path) -> None:
    shop = random_shop(tmp_path, 5)
    at = tables(engine, shop, START + 9 * DAY)
    made = build_views(ALL, at, load_thresholds()).builds
    assert [build.view for build in made] == list(VIEWS)
    assert builds(shop.home, "user_value")[-1] == next(build for build in made if build.view == "user_value")
    assert all(build.rows > 0 and build.engine == "duckdb" and len(build.sha256) == 64 for build in made)
    assert made[0].days_computed == 8
    # A fifth of the items of the random shop are not in its catalogue.
    unknown = next(gate for gate in made[0].gates if gate.name == "unknown_items")
    assert unknown.status is Status.WARN


def test_a_table_that_loses_its_rows_fails(engine: DuckEngine, tmp_path: Path) -> None:
    shop, view = random_shop(tmp_path, 5), VIEWS["user_activity"]
    build_views([view], tables(engine, shop, START + 9 * DAY), load_thresholds())
    EventLog(shop.home / "events").erase(
        {event.user_id for event in shop.events if event.user_id}, {"s-anon"}
    )
    made = build_views([view], tables(engine, shop, START + 10 * DAY), load_thresholds()).builds[0]
    assert made.rows == 0
    assert made.status is Status.FAIL


def test_forgotten_shoppers_are_in_no_stored_table(engine: DuckEngine, tmp_path: Path) -> None:
    shop = random_shop(tmp_path, 5)
    at = tables(engine, shop, START + 9 * DAY)
    build_views(ALL, at, load_thresholds())
    assert forget(shop.home, ["u2", "s-anon", "u3"]) > 0
    for view in ALL:
        table = read_table(shop.home, view, at.until)
        stored = shop.home / "features" / view.name / f"{at.until}.parquet"
        (noted,) = builds(shop.home, view.name)
        assert (noted.rows, noted.sha256) == (table.num_rows, hashlib.sha256(stored.read_bytes()).hexdigest())
        for name in {"user_id", "shopper"} & set(table.column_names):
            assert "u2" not in table[name].to_pylist()
    days = at.engine.collect(
        DailyStore(at).rows("activity").select("shopper"), pa.schema([("shopper", pa.string())]), ["shopper"]
    )
    assert set(days["shopper"].to_pylist()).isdisjoint({"u2", "s-anon", "u3"})


def test_who_refuses_is_in_no_view_about_shoppers_and_still_counts_for_items(
    engine: DuckEngine, tmp_path: Path
) -> None:
    shop = random_shop(tmp_path, 11)
    at = tables(engine, shop, START + 9 * DAY)
    assert [user.user_id for user in user_history(shop.home).at() if not user.consent.personalize] == ["u'4"]
    assert "u'4" not in VIEWS["user_activity"].rows(Scope(at))["user_id"].to_pylist()
    everybody = VIEWS["item_sales"].rows(Scope(replace(at, purpose=None)))
    assert_close(VIEWS["item_sales"].rows(Scope(at)), everybody)
    trained = VIEWS["item_sales"].rows(Scope(replace(at, purpose="train")))
    counts = ("views_365d", "carts_365d", "purchases_365d", "returns_365d")
    less, all_of_them = (sum(sum(t[name].to_pylist()) for name in counts) for t in (trained, everybody))
    assert 0 < less < all_of_them
