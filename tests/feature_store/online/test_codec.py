from hypothesis import given
from hypothesis import strategies as st

from feature_store.online.codec import (
    content_digest,
    decode_event,
    decode_history,
    decode_item,
    decode_user,
    encode_event,
    encode_item,
    encode_user,
    fingerprint,
    history_member,
    stamp_of,
    tombstone,
    union_histories,
)
from feature_store.online.contract import Deleted
from recsys.types import Consent, Event, EventType, Item, Offer, Promo, User

ids = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
entries = st.lists(st.tuples(ids, ids, st.integers(0, 15), st.integers(0, 4_000_000_000_000)), max_size=20)


@given(entries)
def test_a_history_comes_back_as_it_was_encoded(rows: list[tuple[str, str, int, int]]) -> None:
    assert decode_history([history_member(*row) for row in rows]) == [row[1:] for row in rows]


@given(st.lists(entries, min_size=1, max_size=3), st.integers(1, 10))
def test_a_union_is_the_newest_distinct_members_in_order_of_time(
    histories: list[list[tuple[str, str, int, int]]], limit: int
) -> None:
    members = [sorted({history_member(*row) for row in rows}, key=_time) for rows in histories]
    everything = sorted(set().union(*members), key=_time)
    assert union_histories(members, limit) == everything[-limit:]


def _time(member: bytes) -> tuple[int, bytes]:
    return int(member.split(b"\x1f")[2]), member


def test_the_digest_changes_with_every_field_but_the_time_of_arrival() -> None:
    event = Event(event_id="1", type=EventType.VIEW, timestamp=1, user_id="u", item_id="a")
    others = [
        Event(event_id="1", type=EventType.VIEW, timestamp=1, user_id="u", item_id="a", price=1.0),
        Event(event_id="1", type=EventType.VIEW, timestamp=2, user_id="u", item_id="a"),
        Event(event_id="1", type=EventType.CART, timestamp=1, user_id="u", item_id="a"),
        Event(event_id="1", type=EventType.VIEW, timestamp=1, user_id="u", item_id="a", context={"x": 1}),
    ]
    digests = {content_digest(each) for each in (event, *others)}
    assert len(digests) == 5
    late = Event(event_id="1", type=EventType.VIEW, timestamp=1, user_id="u", item_id="a", received_at=9)
    assert content_digest(late) == content_digest(event)


def test_the_order_of_a_context_is_not_content() -> None:
    one, other = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    digests = {
        content_digest(Event(event_id="1", type=EventType.VIEW, timestamp=1, context=context))
        for context in (one, other)
    }
    assert len(digests) == 1


def test_documents_carry_their_time_in_front() -> None:
    item = Item(
        item_id="杯", titles={"zh": "杯"}, tags=("新",), updated_at=5,
        offers=(Offer(sku="s", promo=Promo(price=1.0, end=9)),),
    )  # fmt: skip
    user = User(user_id="u", attributes={"城市": "上海"}, consent=Consent(train=False))
    assert stamp_of(encode_item(item)) == 5
    assert stamp_of(encode_user(user)) == 0
    assert decode_item("杯", encode_item(item)) == item
    assert decode_user("u", encode_user(user)) == user


def test_a_tombstone_is_a_time_without_a_document() -> None:
    assert decode_item("a", tombstone(7)) == Deleted("a", 7) == decode_user("a", tombstone(7))
    assert stamp_of(tombstone(7)) == 7


def test_an_event_takes_little_room() -> None:
    event = Event(event_id="1", type=EventType.VIEW, timestamp=1, user_id="u", item_id="a")
    assert decode_event(encode_event(event)) == event
    assert encode_event(event) == b'{"event_id":"1","type":"view","timestamp":1,"user_id":"u","item_id":"a"}'


def test_nothing_has_an_empty_fingerprint() -> None:
    assert fingerprint(None) == ""
    assert len({fingerprint(b"a"), fingerprint(b"b"), ""}) == 3
