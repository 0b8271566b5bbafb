import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.records.codec import (
    event_from_dict,
    event_to_dict,
    events_from_table,
    events_to_table,
    item_from_dict,
    item_to_dict,
    items_from_table,
    items_to_table,
    user_from_dict,
    user_to_dict,
    users_from_table,
    users_to_table,
)
from feature_store.records.schemas import EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from recsys.types import ITEM_KINDS, Consent, Event, EventType, Item, Offer, Promo, User

words = st.text("ab杯子é👩", min_size=1, max_size=6)
maybe_word = st.none() | words
numbers = st.floats(0, 1e9)
maybe_number = st.none() | numbers
times = st.integers(946_684_800_000, 2_000_000_000_000)
scalars = words | st.integers(-(2**53), 2**53) | numbers | st.booleans()
maps = st.dictionaries(words, scalars, max_size=3)

events = st.builds(
    Event,
    event_id=words,
    type=st.sampled_from(EventType),
    timestamp=times,
    received_at=st.none() | times,
    user_id=maybe_word,
    session_id=maybe_word,
    item_id=maybe_word,
    sku=maybe_word,
    order_id=maybe_word,
    quantity=maybe_number,
    price=maybe_number,
    currency=st.none() | st.just("CNY"),
    discount=maybe_number,
    position=st.none() | st.integers(0, 100_000),
    query=maybe_word,
    rating=maybe_number,
    source=st.dictionaries(words, words, max_size=2),
    context=maps,
    test=st.booleans(),
    detail=st.none() | st.just({"items": ["i1", "i2"], "scores": [0.5, 0.25], "arm": "a"}),
)
promos = st.builds(Promo, price=numbers, start=st.none() | times, end=st.none() | times)
offers = st.builds(
    Offer,
    sku=words,
    market=maybe_word,
    currency=maybe_word,
    list_price=maybe_number,
    price=maybe_number,
    promo=st.none() | promos,
    stock=maybe_number,
    available=st.booleans(),
)
items = st.builds(
    Item,
    item_id=words,
    kind=st.sampled_from(ITEM_KINDS),
    titles=st.dictionaries(st.sampled_from(["en", "zh"]), words),
    category=maybe_word,
    tags=st.lists(words, max_size=3).map(tuple),
    attributes=maps,
    restricted=st.lists(words, max_size=2).map(tuple),
    created_at=st.none() | times,
    offers=st.lists(offers, max_size=3).map(tuple),
)
users = st.builds(
    User,
    user_id=words,
    attributes=maps,
    consent=st.builds(Consent, personalize=st.booleans(), market=st.booleans(), train=st.booleans()),
    updated_at=st.none() | times,
)


@settings(deadline=None)
@given(st.lists(events, max_size=4))
def test_events_survive_json_and_arrow(values: list[Event]) -> None:
    assert [event_from_dict(orjson.loads(orjson.dumps(event_to_dict(value)))) for value in values] == values
    table = events_to_table(values)
    assert table.schema.equals(EVENT_SCHEMA)
    assert events_from_table(table) == values


@settings(deadline=None)
@given(st.lists(items, max_size=4))
def test_items_survive_json_and_arrow(values: list[Item]) -> None:
    assert [item_from_dict(orjson.loads(orjson.dumps(item_to_dict(value)))) for value in values] == values
    table = items_to_table(values)
    assert table.schema.equals(ITEM_SCHEMA)
    assert items_from_table(table) == values


@settings(deadline=None)
@given(st.lists(users, max_size=4))
def test_users_survive_json_and_arrow(values: list[User]) -> None:
    assert [user_from_dict(orjson.loads(orjson.dumps(user_to_dict(value)))) for value in values] == values
    table = users_to_table(values)
    assert table.schema.equals(USER_SCHEMA)
    assert users_from_table(table) == values


def test_a_dict_leaves_out_what_is_empty() -> None:
    event = Event(event_id="e", type=EventType.VIEW, timestamp=1, user_id="u", item_id="i")
    assert event_to_dict(event) == {
        "event_id": "e",
        "type": "view",
        "timestamp": 1,
        "user_id": "u",
        "item_id": "i",
    }
    assert user_to_dict(User(user_id="u")) == {"user_id": "u"}


def test_events_are_read_from_a_few_columns_too() -> None:
    event = Event(event_id="e", type=EventType.VIEW, timestamp=1, user_id="u", price=2.0)
    table = events_to_table([event]).select(["event_id", "type", "timestamp", "user_id"])
    assert events_from_table(table) == [Event(event_id="e", type=EventType.VIEW, timestamp=1, user_id="u")]


def test_the_shops_first_language_stays_first() -> None:
    item = Item(item_id="杯", titles={"zh": "马克杯", "en": "Mug"})
    assert list(items_from_table(items_to_table([item]))[0].titles) == ["zh", "en"]
