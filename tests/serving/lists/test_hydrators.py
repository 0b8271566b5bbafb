from feature_store.online.contract import ShopperState
from feature_store.online.memory import MemoryOnlineStore
from recsys.errors import UnavailableError
from recsys.types import EVENT_CODES, Consent, Event, EventType, User
from serving.lists.hydrators import ShopperHydrator

CART = EVENT_CODES[EventType.CART]


def store() -> MemoryOnlineStore:
    made = MemoryOnlineStore()
    made.put_user(User(user_id="u", attributes={"level": "gold"}, updated_at=1))
    made.put_user(User(user_id="refuser", consent=Consent(personalize=False), updated_at=1))
    made.append_events(
        [
            Event(event_id="1", type=EventType.CART, timestamp=1, user_id="u", item_id="a"),
            Event(event_id="2", type=EventType.CART, timestamp=2, session_id="s", item_id="b"),
            Event(event_id="3", type=EventType.CART, timestamp=3, user_id="refuser", item_id="c"),
        ]
    )
    return made


class Away:
    def __init__(self) -> None:
        self.asked = 0

    def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        self.asked += 1
        raise UnavailableError("away")


def test_a_shopper_is_what_is_stored_under_both_ids() -> None:
    found = ShopperHydrator(store()).read("u", "s", "full")
    assert found.history == [("a", CART, 1), ("b", CART, 2)]
    assert found.attributes == {"level": "gold"}
    assert (found.read, found.away, found.personalization) == (True, False, "full")


def test_a_session_alone_is_read_when_only_the_session_counts() -> None:
    found = ShopperHydrator(store()).read("u", "s", "session")
    assert found.history == [("b", CART, 2)]
    assert found.attributes == {}
    assert ShopperHydrator(store()).read("u", None, "session").history == []


def test_who_refused_has_no_past_whatever_is_asked() -> None:
    for wish in ("full", "session"):
        found = ShopperHydrator(store()).read("refuser", "s", wish)
        assert (found.history, found.attributes, found.personalization) == ([], {}, "none")


def test_nothing_is_read_for_nobody_or_without_a_wish() -> None:
    away = Away()
    hydrator = ShopperHydrator(away)
    assert not hydrator.read(None, None, "full").away
    assert hydrator.read("u", "s", "none").personalization == "none"
    assert away.asked == 0


def test_a_store_that_is_away_is_a_state_and_no_error() -> None:
    found = ShopperHydrator(Away()).read("u", None, "full")
    assert (found.away, found.read, found.history) == (True, False, [])
