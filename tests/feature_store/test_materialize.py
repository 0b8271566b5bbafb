from pathlib import Path

from feature_store.history import item_history, user_history
from feature_store.log import EventLog
from feature_store.materialize import Materialized, materialize
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.records.codec import events_to_table
from recsys.types import EVENT_CODES, Consent, Event, EventType, Item, User

NOW = 1_700_000_000_000


def event(number: int, **fields: object) -> Event:
    base = {
        "type": EventType.PURCHASE,
        "timestamp": NOW + number,
        "user_id": "顾客",
        "item_id": f"商品{number}",
    }
    return Event(event_id=str(number), **{**base, **fields})  # type: ignore[arg-type]


def fill(home: Path, events: list[Event]) -> None:
    EventLog(home / "events").append(events_to_table(events), "test")
    item_history(home).import_all([Item(item_id="商品1", titles={"zh": "茶"})], NOW)
    user_history(home).import_all([User(user_id="顾客", consent=Consent(market=False))], NOW)


def test_a_new_store_gets_histories_users_and_items(redis_store: RedisOnlineStore, tmp_path: Path) -> None:
    fill(tmp_path, [event(1), event(2, user_id="v"), event(3, type=EventType.SEARCH, item_id=None)])
    assert materialize(tmp_path, redis_store, 50) == Materialized(events=2, users=1, items=1)
    code = EVENT_CODES[EventType.PURCHASE]
    assert redis_store.shopper("顾客").history == [("商品1", code, NOW + 1)]
    assert redis_store.shopper("v").history == [("商品2", code, NOW + 2)]
    assert not redis_store.shopper("顾客").consent.market
    assert redis_store.get_item("商品1") == Item(item_id="商品1", titles={"zh": "茶"})


def test_doing_it_again_over_live_events_doubles_nothing(
    redis_store: RedisOnlineStore, tmp_path: Path
) -> None:
    events = [event(number) for number in range(4)]
    redis_store.append_events(events[2:])
    fill(tmp_path, events)
    materialize(tmp_path, redis_store, 50)
    materialize(tmp_path, redis_store, 50)
    assert [item for item, _, _ in redis_store.shopper("顾客").history] == [f"商品{n}" for n in range(4)]


def test_only_the_newest_events_are_put_online(redis_store: RedisOnlineStore, tmp_path: Path) -> None:
    fill(tmp_path, [event(number) for number in range(20)])
    assert materialize(tmp_path, redis_store, 5).events == 5
    assert [item for item, _, _ in redis_store.shopper("顾客").history] == [f"商品{n}" for n in range(15, 20)]


def test_test_events_and_those_no_model_reads_stay_offline(
    redis_store: RedisOnlineStore, tmp_path: Path
) -> None:
    fill(tmp_path, [event(1, test=True), event(2, type=EventType.IMPRESSION), event(3)])
    assert materialize(tmp_path, redis_store, 50).events == 1


def test_an_empty_home_fills_nothing(redis_store: RedisOnlineStore, tmp_path: Path) -> None:
    assert materialize(tmp_path, redis_store) == Materialized(0, 0, 0)
