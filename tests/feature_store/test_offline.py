from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.history import item_history, user_history
from feature_store.identity_edges import IdentityEdge
from feature_store.log.parts import DAY
from feature_store.offline import DataRange, OfflineStore
from feature_store.records.codec import events_from_table, events_to_table
from feature_store.records.schemas import EVENT_SCHEMA
from recsys.types import Consent, Event, EventType, Item, Offer, User

MIDNIGHT = 20_000 * DAY
VIEW, PURCHASE = EventType.VIEW, EventType.PURCHASE


def event(number: int, **changes: object) -> Event:
    plain = Event(
        event_id=f"e{number}", type=VIEW, timestamp=MIDNIGHT + number, user_id="客户", item_id=f"i{number}"
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def store(home: Path, *events: Event, edges: tuple[IdentityEdge, ...] = ()) -> OfflineStore:
    offline = OfflineStore(home, edges)
    if events:
        offline.log.append(events_to_table(events), "test")
    return offline


def users_of(offline: OfflineStore, until: int | None = None) -> dict[str, str | None]:
    table = offline.events(until=until, columns=["event_id", "user_id"])
    return dict(zip(table.column("event_id").to_pylist(), table.column("user_id").to_pylist(), strict=True))


def test_an_empty_home_gives_empty_answers(tmp_path: Path) -> None:
    offline = store(tmp_path / "absent", edges=(IdentityEdge("a", "b", 1),))
    assert offline.events().schema.equals(EVENT_SCHEMA)
    assert (offline.items(), offline.users(), list(offline.histories())) == ([], [], [])
    assert offline.range_and_hash().events == 0
    assert not (tmp_path / "absent").exists()


def test_events_come_whole_or_by_column_range_and_type(tmp_path: Path) -> None:
    given = [event(1), event(2, type=PURCHASE, price=3.0), event(3, timestamp=MIDNIGHT + DAY)]
    offline = store(tmp_path, *given)
    assert sorted(events_from_table(offline.events()), key=lambda found: found.event_id) == given
    few = offline.events(MIDNIGHT + 2, MIDNIGHT + DAY, ["price", "event_id"])
    assert few.to_pylist() == [{"price": 3.0, "event_id": "e2"}]
    assert offline.events(columns=["event_id"], types=[PURCHASE]).column("event_id").to_pylist() == ["e2"]
    assert offline.events(types=[]).num_rows == 0


def test_test_events_never_come_out(tmp_path: Path) -> None:
    offline = store(tmp_path, event(1), event(2, test=True))
    assert users_of(offline) == {"e1": "客户"}
    assert offline.range_and_hash().events == 1
    assert [len(history) for _, history in offline.histories()] == [1]


def test_merged_shoppers_carry_their_final_id(tmp_path: Path) -> None:
    edges = (IdentityEdge("app", "account", 1), IdentityEdge("session", "app", 1))
    given = [
        event(1, user_id="app"),
        event(2, user_id=None, session_id="session"),
        event(3, user_id="客户", session_id="session"),
        event(4, user_id=None, session_id="other"),
        event(5, user_id="account"),
    ]
    offline = store(tmp_path, *given, edges=edges)
    assert users_of(offline) == {"e1": "account", "e2": "account", "e3": "客户", "e4": None, "e5": "account"}
    assert offline.events().schema.names == EVENT_SCHEMA.names
    raw = OfflineStore(tmp_path)
    assert users_of(raw)["e1"] == "app"


def test_merges_are_those_of_the_time_that_is_asked_for(tmp_path: Path) -> None:
    edge = IdentityEdge("app", "account", at=MIDNIGHT + 10, undone_at=MIDNIGHT + 20)
    offline = store(tmp_path, event(1, user_id="app"), edges=(edge,))
    assert [users_of(offline, MIDNIGHT + until)["e1"] for until in (5, 10, 20)] == ["app", "account", "app"]
    assert users_of(offline)["e1"] == "app"


def test_an_event_that_cites_a_sku_gets_the_item_that_offers_it(tmp_path: Path) -> None:
    offline = store(
        tmp_path, event(1, item_id=None, sku="red"), event(2, item_id=None, sku="gone"), event(3, sku="red")
    )
    item_history(tmp_path).import_all([Item(item_id="杯子", offers=(Offer(sku="red"),))], MIDNIGHT)
    found = offline.events(columns=["event_id", "item_id"]).to_pylist()
    assert {row["event_id"]: row["item_id"] for row in found} == {"e1": "杯子", "e2": None, "e3": "i3"}


def test_items_and_users_are_those_of_a_time(tmp_path: Path) -> None:
    old, new = (Item(item_id="i", brand=brand, updated_at=at) for brand, at in (("老", 10), ("新", 20)))
    item_history(tmp_path).import_all([old, new], MIDNIGHT)
    user = User(user_id="u", attributes={"city": "上海"}, updated_at=10)
    user_history(tmp_path).record([user], MIDNIGHT)
    offline = store(tmp_path)
    assert [offline.items(at) for at in (0, 20, None)] == [[old], [new], [new]]
    assert [offline.users(at) for at in (5, 10, None)] == [[], [user], [user]]


def test_refusals_are_told_by_purpose_and_time(tmp_path: Path) -> None:
    users = user_history(tmp_path)
    users.record([User(user_id="u", updated_at=10), User(user_id="v", updated_at=10)], MIDNIGHT)
    users.record([User(user_id="u", consent=Consent(train=False), updated_at=20)], MIDNIGHT)
    offline = store(tmp_path)
    assert offline.refusals("train") == {"u"}
    assert offline.refusals("market") == frozenset()
    assert offline.refusals("train", as_of=15) == frozenset()


def test_a_history_is_the_newest_items_oldest_first(tmp_path: Path) -> None:
    given = [event(number, timestamp=MIDNIGHT + DAY * (5 - number)) for number in range(5)]
    offline = store(
        tmp_path,
        *given,
        event(9, user_id="other", type=PURCHASE),
        event(8, item_id=None, type=EventType.SEARCH),
    )
    histories = dict(offline.histories(limit=2))
    assert histories == {
        "客户": [("e1", "i1", VIEW, MIDNIGHT + 4 * DAY), ("e0", "i0", VIEW, MIDNIGHT + 5 * DAY)],
        "other": [("e9", "i9", PURCHASE, MIDNIGHT + 9)],
    }
    assert dict(offline.histories(["other"], limit=2)).keys() == {"other"}
    assert [len(history) for _, history in offline.histories(["客户"], until=MIDNIGHT + 3 * DAY)] == [2]


def test_histories_of_merged_shoppers_are_one(tmp_path: Path) -> None:
    edges = (IdentityEdge("s", "account", 1),)
    offline = store(
        tmp_path, event(1, user_id=None, session_id="s"), event(2, user_id="account"), edges=edges
    )
    assert [(user, [found[0] for found in history]) for user, history in offline.histories()] == [
        ("account", ["e1", "e2"])
    ]


def test_the_hash_depends_on_events_not_on_files(tmp_path: Path) -> None:
    given = [event(number, timestamp=MIDNIGHT + number * DAY // 3) for number in range(7)]
    at_once = store(tmp_path / "a", *given)
    one_by_one = store(tmp_path / "b")
    for number, one in enumerate(reversed(given)):
        one_by_one.log.write_stream_batch([(f"{number}-0", one)])
    one_by_one.log.compact(MIDNIGHT // DAY)
    assert at_once.range_and_hash() == one_by_one.range_and_hash()
    assert at_once.range_and_hash() == DataRange(
        MIDNIGHT, MIDNIGHT + 2 * DAY, 7, at_once.range_and_hash().hash
    )


@pytest.mark.parametrize("until", [MIDNIGHT + DAY, MIDNIGHT + DAY + 1])
def test_the_hash_before_a_time_knows_nothing_after_it(tmp_path: Path, until: int) -> None:
    early = [event(1), event(2, timestamp=until - 1)]
    offline = store(tmp_path / "a", *early, event(3, timestamp=until))
    before = offline.range_and_hash(until)
    assert before == store(tmp_path / "b", *early).range_and_hash()
    assert before.hash != offline.range_and_hash().hash
