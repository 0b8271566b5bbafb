"""From the log to interactions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feature_store.history import user_history
from feature_store.identity_edges import IdentityEdge
from feature_store.offline import OfflineStore
from recsys.interactions import Interactions
from recsys.past import SESSION_GAP_MS
from recsys.types import EVENT_CODES, Consent, Event, EventType, Item, Offer, User
from training.dataset import read_dataset, read_interactions, with_catalogue

VIEW, BUY = EventType.VIEW, EventType.PURCHASE
T = 1_700_000_000_000


def event(number: int, user: str | None, item: str | None, at: int = 0, **fields: Any) -> Event:
    kind = fields.pop("type", VIEW)
    if user is None:
        fields.setdefault("session_id", "s")
    return Event(event_id=f"e{number}", type=kind, timestamp=T + at, user_id=user, item_id=item, **fields)


def rows(found: Interactions) -> list[tuple[str, str, int]]:
    return [
        (found.users[int(u)], found.items[int(i)], int(t) - T)
        for u, i, t in zip(found.user, found.item, found.time, strict=True)
    ]


@pytest.fixture
def read(home: Path, small: Any) -> Any:
    def write_and_read(
        *events: Event, items: list[Item] | None = None, edges: tuple[IdentityEdge, ...] = ()
    ) -> Any:
        small.write(home, events, items or [])
        return read_interactions(OfflineStore(home, edges))

    return write_and_read


def test_rows_come_by_shopper_and_time_with_sorted_codes(read: Any) -> None:
    found = read(event(1, "乙", "茶", 5), event(2, "甲", "茶", 9), event(3, "乙", "杯", 1))
    assert rows(found) == [("乙", "杯", 1), ("乙", "茶", 5), ("甲", "茶", 9)]
    assert list(found.users.ids) == sorted(found.users.ids)
    assert list(found.items.ids) == sorted(found.items.ids)


def test_what_cites_no_item_or_says_no_interest_is_left_out(read: Any) -> None:
    found = read(
        event(1, "a", "x"),
        event(2, "a", None, type=EventType.SEARCH, query="tea"),
        event(3, "a", "x", type=EventType.IMPRESSION),
        event(4, "a", "x", type=EventType.ORDER),
        event(5, "a", "y", type=EventType.RETURN),
        event(6, "a", "z", test=True),
    )
    assert [found.items[int(code)] for code in found.item] == ["x", "y"]
    assert found.type.tolist() == [EVENT_CODES[VIEW], EVENT_CODES[EventType.RETURN]]


def test_a_session_without_a_shopper_is_somebody_no_shopper_can_be(read: Any) -> None:
    found = read(event(1, None, "x", session_id="a"), event(2, "a", "x"))
    assert len(found.users) == 2
    assert "a" in found.users


def test_sessions_are_named_by_session_then_order_then_silence(read: Any) -> None:
    gap = SESSION_GAP_MS
    found = read(
        event(1, "a", "x", 0, session_id="s1"),
        event(2, "a", "x", 9 * gap, session_id="s1"),
        event(3, "b", "x", 0, session_id="s1"),
        event(4, "c", "x", 0, order_id="o1"),
        event(5, "c", "x", 9 * gap, order_id="o1"),
        event(6, "d", "x", 0),
        event(7, "d", "x", gap),
        event(8, "d", "x", 2 * gap + 1),
        event(9, "e", "x", 2 * gap + 1),
    )
    a1, a2, b, c1, c2, d1, d2, d3, e = found.session.tolist()
    assert a1 == a2
    assert c1 == c2
    assert d1 == d2
    assert len({a1, b, c1, d1, d3, e}) == 6


def test_units_default_to_one(read: Any) -> None:
    found = read(event(1, "a", "x", 0, quantity=3.0), event(2, "a", "x", 1))
    assert found.quantity.tolist() == [3.0, 1.0]


def test_an_event_that_cites_an_offer_counts_for_its_item(read: Any) -> None:
    item = Item(item_id="shirt", offers=(Offer(sku="shirt-red"), Offer(sku="shirt-blue")))
    found = read(event(1, "a", None, sku="shirt-red"), event(2, "a", "shirt", 1), items=[item])
    assert list(found.items.ids) == ["shirt"]
    assert len(found) == 2


def test_a_merged_shopper_has_one_history(read: Any) -> None:
    edge = IdentityEdge("phone", "account", T)
    found = read(event(1, "phone", "x"), event(2, "account", "y", 1), edges=(edge,))
    assert rows(found) == [("account", "x", 0), ("account", "y", 1)]


def test_a_data_set_ends_before_until_and_leaves_refusing_shoppers_out(home: Path, small: Any) -> None:
    small.write(
        home, [event(1, "a", "x", 0), event(2, "a", "x", 5), event(3, "no", "x", 0), event(4, None, "x", 0)]
    )
    user_history(home).import_all([User(user_id="no", consent=Consent(train=False))], T)
    dataset = read_dataset(OfflineStore(home), T + 5)
    assert rows(dataset.interactions)[1] == ("a", "x", 0)
    assert dataset.known.tolist() == [False, True]
    assert (dataset.range.first, dataset.range.last, dataset.range.events) == (T, T, 3)
    assert not dataset.synthetic_time


def test_marked_times_make_the_data_set_synthetic(home: Path, small: Any) -> None:
    small.write(home, [event(1, "a", "x"), replace(event(2, "a", "y", 1), context={"synthetic_time": True})])
    assert read_dataset(OfflineStore(home)).synthetic_time


def test_an_empty_log_is_an_empty_data_set(home: Path) -> None:
    dataset = read_dataset(OfflineStore(home))
    assert len(dataset.interactions) == 0
    assert dataset.range.events == 0


def test_a_catalogue_adds_items_without_events_and_drops_codes_nobody_uses(log: Any) -> None:
    full = log([("a", "x", VIEW, 1), ("a", "later", VIEW, 9)])
    found = with_catalogue(full.before(5), [Item(item_id="新品"), Item(item_id="x")])
    assert list(found.items.ids) == ["x", "新品"]
    assert [found.items[int(code)] for code in found.item] == ["x"]
