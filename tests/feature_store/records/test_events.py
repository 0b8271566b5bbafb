from typing import Any

import pytest

from feature_store.records.events import EVENT_FIELDS, NO_ITEM_TYPES, validate_row
from feature_store.records.fields import EARLIEST, MAX_FUTURE, Rejection
from recsys.types import CLIENT_TYPES, Event, EventType

NOW = 1_764_000_000_000
ROW: dict[str, object] = {
    "event_id": "e1",
    "type": "view",
    "timestamp": NOW - 1000,
    "user_id": "u1",
    "item_id": "杯子/红",
}


def verdict(**changes: Any) -> Event | Rejection:
    row = {**ROW, **changes}
    return validate_row({name: value for name, value in row.items() if value is not None}, NOW)


def refusal(**changes: Any) -> tuple[str, str | None]:
    judged = verdict(**changes)
    assert isinstance(judged, Rejection), judged
    assert judged.message
    return judged.code, judged.field


def test_a_plain_event_is_accepted_with_its_values() -> None:
    assert verdict() == Event(
        event_id="e1", type=EventType.VIEW, timestamp=NOW - 1000, user_id="u1", item_id="杯子/红"
    )


def test_every_field_reaches_the_event() -> None:
    full = {
        "type": "purchase",
        "timestamp": "2025-11-24T08:00:00+08:00",
        "session_id": "s1",
        "sku": "k1",
        "order_id": "o1",
        "quantity": 2,
        "price": 9.9,
        "currency": "CNY",
        "discount": 0.5,
        "coupon_id": "c1",
        "channel": "app",
        "slot": "home",
        "recomm_id": "r1",
        "position": 3,
        "query": "红色 杯子",
        "rating": 4.5,
        "source": {"utm_source": "wechat", "landing": "/"},
        "context": {"device": "手机", "depth": 2, "dark": True},
        "test": True,
        "schema": 1,
    }
    event = verdict(**full)
    assert isinstance(event, Event)
    expected = {**full, "type": EventType.PURCHASE, "timestamp": 1_763_942_400_000}
    assert {name: getattr(event, name) for name in full} == expected


def test_the_table_and_the_type_have_the_same_fields() -> None:
    assert set(EVENT_FIELDS) == set(Event.__dataclass_fields__)


@pytest.mark.parametrize("kind", sorted(CLIENT_TYPES))
def test_every_client_type_is_accepted_with_what_it_needs(kind: str) -> None:
    needs: dict[str, dict[str, object]] = {
        "impression": {"recomm_id": "r", "position": 0},
        "search": {"query": "杯子"},
        "rating": {"rating": 5},
    }
    assert isinstance(verdict(type=kind, **needs.get(kind, {})), Event)


@pytest.mark.parametrize("kind", sorted(CLIENT_TYPES))
def test_only_page_views_and_searches_need_no_item(kind: str) -> None:
    judged = verdict(type=kind, item_id=None, query="x", rating=1, recomm_id="r", position=0)
    assert isinstance(judged, Event) == (kind in NO_ITEM_TYPES)


def test_a_sku_stands_in_for_the_item_and_a_session_for_the_user() -> None:
    assert isinstance(verdict(item_id=None, sku="k1", user_id=None, session_id="s1"), Event)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"event_id": None}, "missing_field", "event_id"),
        ({"type": None}, "missing_field", "type"),
        ({"timestamp": None}, "missing_field", "timestamp"),
        ({"user_id": None}, "missing_field", "user_id"),
        ({"item_id": None}, "missing_field", "item_id"),
        ({"type": "search"}, "missing_field", "query"),
        ({"type": "rating"}, "missing_field", "rating"),
        ({"type": "impression", "position": 1}, "missing_field", "recomm_id"),
        ({"type": "impression", "recomm_id": "r"}, "missing_field", "position"),
        ({"type": "served"}, "server_only", "type"),
        ({"received_at": NOW}, "server_only", "received_at"),
        ({"detail": {}}, "server_only", "detail"),
        ({"type": "viw"}, "unknown_value", "type"),
        ({"type": ["view"]}, "wrong_type", "type"),
        ({"typ": "view"}, "unknown_field", "typ"),
        ({"user_id": ""}, "bad_id", "user_id"),
        ({"user_id": " u1"}, "bad_id", "user_id"),
        ({"user_id": "u1\u3000"}, "bad_id", "user_id"),
        ({"user_id": "u\n1"}, "control_characters", "user_id"),
        ({"user_id": "u\u200b1"}, "control_characters", "user_id"),
        ({"user_id": "u\ud8001"}, "control_characters", "user_id"),
        ({"user_id": "u" * 129}, "too_long", "user_id"),
        ({"user_id": True}, "wrong_type", "user_id"),
        ({"user_id": 1.5}, "wrong_type", "user_id"),
        ({"price": -0.01}, "out_of_range", "price"),
        ({"price": 1e13}, "out_of_range", "price"),
        ({"price": "9.9"}, "wrong_type", "price"),
        ({"price": True}, "wrong_type", "price"),
        ({"price": float("nan")}, "not_finite", "price"),
        ({"price": float("inf")}, "not_finite", "price"),
        ({"price": 10**400}, "out_of_range", "price"),
        ({"currency": "yuan"}, "unknown_value", "currency"),
        ({"position": 1.5}, "wrong_type", "position"),
        ({"position": -1}, "out_of_range", "position"),
        ({"rating": 6}, "out_of_range", "rating"),
        ({"query": "a\x00b"}, "control_characters", "query"),
        ({"query": "长" * 1025}, "too_long", "query"),
        ({"timestamp": 1_732_000_000}, "past_time", "timestamp"),
        ({"timestamp": NOW + MAX_FUTURE + 1}, "future_time", "timestamp"),
        ({"timestamp": 10**30}, "future_time", "timestamp"),
        ({"timestamp": "2025-01-01T00:00:00"}, "naive_time", "timestamp"),
        ({"timestamp": "soon"}, "bad_time", "timestamp"),
        ({"timestamp": str(NOW)}, "bad_time", "timestamp"),
        ({"source": {"campaign": "x"}}, "unknown_field", "source"),
        ({"source": "wechat"}, "wrong_type", "source"),
        ({"context": {"a": [1]}}, "wrong_type", "context"),
        ({"context": {"a": float("inf")}}, "not_finite", "context"),
        ({"context": {"a": 2**64}}, "out_of_range", "context"),
        ({"context": {"a": "长" * 1025}}, "too_long", "context"),
        ({"context": {"": 1}}, "bad_key", "context"),
        ({"context": {str(n): n for n in range(33)}}, "too_many_entries", "context"),
        ({"test": "yes"}, "wrong_type", "test"),
        ({"schema": 2}, "out_of_range", "schema"),
    ],
)
def test_a_bad_row_is_refused_by_code_and_field(changes: dict[str, Any], code: str, field: str) -> None:
    assert refusal(**changes) == (code, field)


def test_the_bounds_themselves_are_inside() -> None:
    assert isinstance(verdict(timestamp=NOW + MAX_FUTURE), Event)
    assert isinstance(verdict(timestamp=EARLIEST), Event)
    assert isinstance(verdict(user_id="u" * 128, price=0, query="长" * 1024), Event)


def test_an_integer_id_is_taken_as_text() -> None:
    event = verdict(user_id=7, item_id=-1)
    assert isinstance(event, Event)
    assert (event.user_id, event.item_id) == ("7", "-1")


def test_an_empty_map_is_no_map() -> None:
    event = verdict(source={}, context={"a": None})
    assert isinstance(event, Event)
    assert (event.source, event.context) == ({}, {})


def test_a_misspelt_name_gets_the_nearest_known_one() -> None:
    judged = verdict(usre_id="u1")
    assert isinstance(judged, Rejection)
    assert judged.message == "unknown field 'usre_id'; did you mean 'user_id'?"


def test_an_unknown_field_is_refused_even_when_it_is_null() -> None:
    judged = validate_row({**ROW, "colour": None}, NOW)
    assert isinstance(judged, Rejection)
    assert judged.code == "unknown_field"


def test_a_file_may_write_numbers_flags_and_maps_as_text() -> None:
    cells = {
        **ROW,
        "timestamp": str(NOW),
        "price": " 9.50 ",
        "position": "3",
        "test": "True",
        "context": '{"page": "首页"}',
        "sku": "",
    }
    event = validate_row(cells, NOW, from_file=True)
    assert isinstance(event, Event)
    assert (event.timestamp, event.price, event.position) == (NOW, 9.5, 3)
    assert (event.test, event.context, event.sku) == (True, {"page": "首页"}, None)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("price", "1,5", "wrong_type"),
        ("price", "NaN", "not_finite"),
        ("price", "1e999", "not_finite"),
        ("position", "3.5", "wrong_type"),
        ("test", "maybe", "wrong_type"),
        ("context", "{page}", "bad_json"),
        ("context", "[1]", "wrong_type"),
    ],
)
def test_text_in_a_file_that_is_not_what_it_should_be_is_refused(name: str, text: str, code: str) -> None:
    judged = validate_row({**ROW, name: text}, NOW, from_file=True)
    assert isinstance(judged, Rejection)
    assert (judged.code, judged.field) == (code, name)
