import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pytest

from feature_store.errors import StoreError
from feature_store.simulator import Simulation, Summary, simulate
from feature_store.simulator.config import DAY_MS
from feature_store.simulator.plants import ATTACH_RATE

SMALL = Simulation(users=200, items=120, events=4_000, seed=3, days=20)


def one(sql: duckdb.DuckDBPyConnection, query: str, *values: object) -> Any:
    row = sql.execute(query, list(values)).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_number_of_events_is_close_to_the_one_asked_for(
    sql: duckdb.DuckDBPyConnection, config: Simulation, simulated: tuple[Path, Summary]
) -> None:
    written = one(sql, "SELECT count(*) FROM events")
    assert written == simulated[1].events
    assert abs(written / config.events - 1) < 0.05


def test_the_funnel_narrows_from_view_to_return(sql: duckdb.DuckDBPyConnection) -> None:
    counts = dict(sql.execute("SELECT type, count(*) FROM events GROUP BY type").fetchall())
    narrowing = ["view", "click", "cart", "order", "purchase", "return"]
    assert [counts[name] for name in narrowing] == sorted((counts[n] for n in narrowing), reverse=True)
    assert 0.05 < counts["purchase"] / counts["view"] < 0.10
    assert 0.02 < counts["return"] / counts["purchase"] < 0.08
    assert {"page_view", "search", "favorite", "uncart"} < set(counts)


def test_event_ids_are_unique(sql: duckdb.DuckDBPyConnection) -> None:
    assert one(sql, "SELECT count(*) - count(DISTINCT event_id) FROM events") == 0


def test_every_purchase_follows_an_order_of_its_session(sql: duckdb.DuckDBPyConnection) -> None:
    unordered = """
        SELECT count(*) FROM events p ANTI JOIN events o
        ON o.type = 'order' AND o.session_id = p.session_id AND o.order_id = p.order_id
           AND o.sku = p.sku AND o.user_id = p.user_id AND o.price = p.price AND o.timestamp <= p.timestamp
        WHERE p.type = 'purchase'"""
    assert one(sql, unordered) == 0


def test_every_order_follows_a_cart_of_its_session(sql: duckdb.DuckDBPyConnection) -> None:
    uncarted = """
        SELECT count(*) FROM events o ANTI JOIN events c
        ON c.type = 'cart' AND c.session_id = o.session_id AND c.sku = o.sku AND c.timestamp <= o.timestamp
        WHERE o.type = 'order'"""
    assert one(sql, uncarted) == 0


def test_every_return_refers_to_an_earlier_purchase(sql: duckdb.DuckDBPyConnection) -> None:
    unbought = """
        SELECT count(*) FROM events r ANTI JOIN events p
        ON p.type = 'purchase' AND p.order_id = r.order_id AND p.sku = r.sku AND p.user_id = r.user_id
           AND p.price = r.price AND p.quantity = r.quantity AND p.timestamp < r.timestamp
        WHERE r.type = 'return'"""
    assert one(sql, unbought) == 0


def test_whoever_orders_is_known_and_many_who_browse_are_not(sql: duckdb.DuckDBPyConnection) -> None:
    assert one(sql, "SELECT count(*) FROM events WHERE order_id IS NOT NULL AND user_id IS NULL") == 0
    anonymous = one(sql, "SELECT avg((user_id IS NULL)::INT) FROM events WHERE type = 'page_view'")
    assert 0.2 < anonymous < 0.4
    assert one(sql, "SELECT count(*) FROM events WHERE session_id IS NULL") == 0


def test_a_session_is_one_shopper_in_one_day_and_in_order(sql: duckdb.DuckDBPyConnection) -> None:
    spread = f"""
        SELECT count(*) FROM (
            SELECT session_id FROM events WHERE type != 'return' GROUP BY session_id
            HAVING count(DISTINCT user_id) > 1
            OR max(timestamp) // {DAY_MS} != min(timestamp) // {DAY_MS})"""
    assert one(sql, spread) == 0
    backwards = """
        SELECT count(*) FROM (SELECT timestamp < lag(timestamp) OVER (
            PARTITION BY session_id ORDER BY event_id) AS back
            FROM events WHERE type != 'return') WHERE back"""
    assert one(sql, backwards) == 0


def test_every_price_is_the_offers_price_at_the_time(sql: duckdb.DuckDBPyConnection) -> None:
    wrong = """
        SELECT count(*) FROM events e LEFT JOIN offers f ON f.o.sku = e.sku AND f.item_id = e.item_id
        WHERE e.type IN ('cart', 'uncart', 'order', 'purchase') AND e.price IS DISTINCT FROM
            CASE WHEN e.timestamp >= f.o.promo.start AND e.timestamp < f.o.promo."end"
                 THEN f.o.promo.price ELSE f.o.price END"""
    assert one(sql, wrong) == 0
    cheaper = "SELECT count(*) FROM events e JOIN offers f ON f.o.sku = e.sku WHERE e.price < f.o.price"
    assert one(sql, cheaper) > 0


def test_slot_and_position_are_empty(sql: duckdb.DuckDBPyConnection) -> None:
    assert one(sql, "SELECT count(slot), count(position) FROM events") == (0, 0)


def test_shoppers_buy_several_times_more_where_they_prefer(sql: duckdb.DuckDBPyConnection) -> None:
    ranked = """
        WITH wanted AS (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY probability DESC) AS place
                        FROM truth_preferences),
             bought AS (SELECT user_id, split_part(category, ' > ', 1) AS category FROM events
                        JOIN items USING (item_id) JOIN truth_users t USING (user_id)
                        WHERE type = 'purchase' AND NOT t.fake)
        SELECT count(*) FILTER (place = 1), count(*) FILTER (place = 6)
        FROM bought JOIN wanted USING (user_id, category)"""
    favourite, middling = one(sql, ranked)
    assert favourite > 4 * middling


def test_shoppers_look_mostly_at_their_own_price_tier_and_style(sql: duckdb.DuckDBPyConnection) -> None:
    styles = """
        SELECT avg((items.attributes::JSON ->> 'style' = style)::INT) FROM events
        JOIN truth_users USING (user_id) JOIN items USING (item_id) WHERE type = 'view' AND NOT fake"""
    assert one(sql, styles) > 0.45


def test_the_campaign_day_has_the_planted_traffic(sql: duckdb.DuckDBPyConnection, config: Simulation) -> None:
    daily = """
        SELECT count(DISTINCT session_id) FILTER (timestamp >= c.start AND timestamp < c."end"),
               count(DISTINCT session_id) FILTER (timestamp >= c.start - $1 AND timestamp < c."end" - $1)
        FROM events, truth_campaign c WHERE type = 'page_view'"""
    campaign, week_before = one(sql, daily, 7 * DAY_MS)
    assert campaign / week_before == pytest.approx(config.campaign_traffic, rel=0.15)


def test_the_campaign_day_fills_more_carts(sql: duckdb.DuckDBPyConnection, config: Simulation) -> None:
    rates = """
        SELECT timestamp >= c.start AND timestamp < c."end" AS campaign,
               count(*) FILTER (type = 'cart') / count(*) FILTER (type = 'view')
        FROM events, truth_campaign c GROUP BY campaign ORDER BY campaign"""
    (_, usual), (_, campaign) = sql.execute(rates).fetchall()
    assert campaign / usual == pytest.approx(config.campaign_conversion, rel=0.25)


def test_cold_shoppers_have_attributes_and_no_events(
    sql: duckdb.DuckDBPyConnection, config: Simulation
) -> None:
    assert one(sql, "SELECT count(*) FROM truth_cold_users") == round(config.cold_users * config.users)
    assert one(sql, "SELECT count(*) FROM truth_cold_users SEMI JOIN events USING (user_id)") == 0
    assert one(sql, "SELECT count(*) FROM truth_cold_users ANTI JOIN users USING (user_id)") == 0


def test_no_item_is_touched_before_its_birth(sql: duckdb.DuckDBPyConnection) -> None:
    early = "SELECT count(*) FROM events JOIN items USING (item_id) WHERE timestamp < created_at"
    assert one(sql, early) == 0


def test_cold_items_are_seen_late_or_never(sql: duckdb.DuckDBPyConnection, config: Simulation) -> None:
    assert one(sql, "SELECT count(*) FROM truth_cold_items") == round(config.cold_items * config.items)
    never = "SELECT count(*) FROM truth_cold_items SEMI JOIN events USING (item_id) WHERE NOT seen"
    assert one(sql, never) == 0
    first = """SELECT min(timestamp) >= $1 - 7 * $2 FROM events SEMI JOIN truth_cold_items c
               ON c.item_id = events.item_id AND c.seen"""
    assert one(sql, first, config.end_ms, DAY_MS) is True


def test_fake_buyers_push_the_same_few_items(sql: duckdb.DuckDBPyConnection) -> None:
    share = """
        SELECT avg((item_id IN (SELECT item_id FROM truth_pushed_items))::INT) FROM events
        WHERE type = 'purchase' AND user_id {} (SELECT user_id FROM truth_fake_buyers)"""
    assert one(sql, share.format("IN")) > 0.8
    assert one(sql, share.format("NOT IN")) < 0.02


def test_a_carted_main_item_brings_its_bundle_at_the_planted_rate(sql: duckdb.DuckDBPyConnection) -> None:
    together = """
        WITH mains AS (SELECT DISTINCT session_id, bundle_id FROM events JOIN truth_bundles b USING (item_id)
                       WHERE type = 'cart' AND role = 'main'),
             parts AS (SELECT bundle_id, item_id FROM truth_bundles WHERE role = 'consumable'),
             carts AS (SELECT DISTINCT session_id, item_id FROM events WHERE type = 'cart')
        SELECT avg((carts.item_id IS NOT NULL)::INT) FROM mains JOIN parts USING (bundle_id)
        LEFT JOIN carts USING (session_id, item_id)"""
    assert one(sql, together) == pytest.approx(ATTACH_RATE, abs=0.15)


def test_theme_items_are_looked_at_together_across_departments(sql: duckdb.DuckDBPyConnection) -> None:
    sessions = """
        SELECT count(*) FROM (
            SELECT session_id FROM events JOIN truth_themes t USING (item_id) JOIN items USING (item_id)
            WHERE type = 'view' AND name_zh = '周末露营' GROUP BY session_id
            HAVING count(DISTINCT split_part(category, ' > ', 1)) >= 3)"""
    assert one(sql, sessions) > 20


def test_repeat_purchases_exist(sql: duckdb.DuckDBPyConnection) -> None:
    again = """
        SELECT count(*) FROM (SELECT user_id, item_id FROM events JOIN truth_users t USING (user_id)
        WHERE type = 'purchase' AND NOT t.fake GROUP BY ALL HAVING count(DISTINCT order_id) > 1)"""
    assert one(sql, again) > 20


def test_no_event_is_outside_the_simulated_time(sql: duckdb.DuckDBPyConnection, config: Simulation) -> None:
    earliest, latest = one(sql, "SELECT min(timestamp), max(timestamp) FROM events")
    assert config.start_ms <= earliest < latest < config.end_ms


def test_equal_seeds_give_equal_files_and_another_seed_gives_others(tmp_path: Path) -> None:
    simulate(SMALL, tmp_path / "a")
    simulate(SMALL, tmp_path / "b")
    simulate(SMALL.model_copy(update={"seed": 4}), tmp_path / "c")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    changed, same = digests(tmp_path / "c"), digests(tmp_path / "a")
    assert changed.keys() == same.keys()
    assert all(changed[name] != same[name] for name in same if name.startswith(("events", "items", "users")))


def test_the_block_size_changes_nothing(tmp_path: Path) -> None:
    simulate(SMALL, tmp_path / "a")
    simulate(SMALL, tmp_path / "b", block=7)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_progress_is_told_after_each_day(tmp_path: Path) -> None:
    told: list[tuple[int, int, int]] = []
    summary = simulate(SMALL, tmp_path / "a", progress=lambda *now: told.append(now))
    assert [day for day, _, _ in told] == list(range(1, SMALL.days + 1))
    assert told[-1] == (SMALL.days, SMALL.days, summary.events)


def test_a_shop_without_events_still_has_items_and_users(tmp_path: Path) -> None:
    summary = simulate(SMALL.model_copy(update={"events": 0}), tmp_path / "a")
    assert (summary.events, summary.sessions) == (0, 0)
    assert (tmp_path / "a" / "items.parquet").exists()


def test_a_folder_that_is_not_empty_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(StoreError, match="not empty"):
        simulate(SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_holds_one_day_and_returns_have_their_own(
    sql: duckdb.DuckDBPyConnection, simulated: tuple[Path, Summary], config: Simulation
) -> None:
    folder = simulated[0] / "events"
    assert len(list(folder.glob("*.parquet"))) == config.days + 1
    mixed = f"""
        SELECT count(*) FROM (SELECT filename FROM read_parquet('{folder}/*.parquet', filename = true)
        GROUP BY filename HAVING bool_or(type = 'return') AND bool_or(type != 'return')
        OR (bool_and(type != 'return') AND max(timestamp) // {DAY_MS} != min(timestamp) // {DAY_MS}))"""
    assert one(sql, mixed) == 0
