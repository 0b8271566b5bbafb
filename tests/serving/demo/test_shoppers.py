"""The household of the story: typical, recent, and the same every time."""

from pathlib import Path

import pytest

from feature_store.history import item_history, user_history
from feature_store.log import EventLog
from feature_store.offline import OfflineStore
from feature_store.records.codec import events_to_table
from recsys.errors import InputError
from recsys.types import Event, EventType, Item, User
from serving.demo.shoppers import pick_household, shelf_of

DAY = 24 * 3600 * 1000
END = 20_000 * DAY


def purchase(user: str, basket: int, item: str, at: int) -> Event:
    return Event(
        event_id=f"{user}-{basket}-{item}",
        type=EventType.PURCHASE,
        user_id=user,
        order_id=f"{user}-{basket}",
        item_id=item,
        timestamp=at,
    )


def baskets_of(user: str, number: int, last: int) -> list[Event]:
    return [purchase(user, n, f"i{n % 3}", last - (number - 1 - n) * DAY) for n in range(number)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Households with 2, 5 and 9 baskets who told something, one with 4 who did not, one with 6 who left."""
    events = [
        *baskets_of("a", 2, END),
        *baskets_of("b", 5, END),
        *baskets_of("c", 9, END),
        *baskets_of("silent", 4, END),
        *baskets_of("gone", 6, END - 30 * DAY),
    ]
    EventLog(tmp_path / "events").append(events_to_table(events), "test")
    items = [
        Item(item_id=f"i{n}", titles={"zh": f"商品{n}"}, category=f"食品 > 茶{n} > 绿茶") for n in range(4)
    ]
    item_history(tmp_path).import_all(items, END)
    users = [User(user_id=user, attributes={"age": "35-44"}) for user in ("a", "b", "c", "gone")]
    user_history(tmp_path).import_all(users, END)
    return tmp_path


def test_the_median_of_those_who_shop_and_told_something_is_chosen(shop: Path) -> None:
    home = pick_household(OfflineStore(shop))
    assert home.user_id == "b"
    assert home.baskets == 5
    assert home.attributes == {"age": "35-44"}
    assert home.touched == {"i0", "i1", "i2"}
    assert home.categories == {"食品 > 茶0", "食品 > 茶1", "食品 > 茶2"}


def test_its_last_baskets_come_newest_first_with_what_was_in_them(shop: Path) -> None:
    home = pick_household(OfflineStore(shop), last=2)
    assert [(basket.at, [item.titles["zh"] for item in basket.items]) for basket in home.last] == [
        (END, ["商品1"]),
        (END - DAY, ["商品0"]),
    ]


def test_what_was_clicked_since_changes_nothing_but_what_was_touched(shop: Path) -> None:
    later = END + 300 * DAY
    cart = Event(event_id="cart", type=EventType.CART, user_id="b", item_id="i3", timestamp=later)
    view = Event(event_id="view", type=EventType.PAGE_VIEW, user_id="stranger", timestamp=later)
    EventLog(shop / "events").append(events_to_table([cart, view]), "clicks")
    home = pick_household(OfflineStore(shop))
    assert home.user_id == "b"
    assert home.last[0].at == END
    assert home.touched == {"i0", "i1", "i2", "i3"}


def test_an_empty_log_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recsys data import"):
        pick_household(OfflineStore(tmp_path))


@pytest.mark.parametrize(
    ("category", "shelf"),
    [("A > B > C", "A > B"), ("A > B", "A > B"), ("A", "A"), (None, ""), ("食品 > 茶 > 绿茶", "食品 > 茶")],
)
def test_a_part_of_the_shop_is_two_levels_deep(category: str | None, shelf: str) -> None:
    assert shelf_of(category) == shelf
