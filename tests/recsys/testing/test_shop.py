"""The test shop holds what it says it planted, and the same shop comes from the same seed."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.errors import InputError
from recsys.testing import Shop, ShopSize, build_shop
from recsys.types import EVENT_CODES, EventType

DAY = 86_400_000


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=11)


def of_type(shop: Shop, kind: EventType) -> np.ndarray:
    return shop.interactions.type == EVENT_CODES[kind]


def test_the_same_seed_gives_the_same_shop_and_another_seed_another(shop: Shop) -> None:
    again, other = build_shop(seed=11), build_shop(seed=12)
    assert again.items == shop.items
    assert again.users == shop.users
    for name in ("user", "item", "type", "time", "session", "quantity"):
        np.testing.assert_array_equal(getattr(again.interactions, name), getattr(shop.interactions, name))
    assert other.interactions.item[:50].tolist() != shop.interactions.item[:50].tolist()


def test_columns_have_the_promised_types_and_order(shop: Shop) -> None:
    rows = shop.interactions
    assert [
        column.dtype.name
        for column in (rows.user, rows.item, rows.type, rows.time, rows.session, rows.quantity)
    ] == ["int32", "int32", "int8", "int64", "int32", "float32"]
    assert (np.lexsort((rows.time, rows.user)) == np.arange(len(rows))).all()
    assert shop.start <= rows.time.min()
    assert rows.time.max() < shop.end
    assert 5_000 < len(rows) < 20_000
    assert len(np.unique(rows.user)) == len(shop.users) == 300


def test_items_and_users_line_up_with_the_vocabularies(shop: Shop) -> None:
    assert list(shop.interactions.items.ids) == [item.item_id for item in shop.items]
    assert list(shop.interactions.users.ids) == [user.user_id for user in shop.users]


def test_most_sessions_of_a_shopper_are_in_the_group_of_the_community(shop: Shop) -> None:
    rows, planted = shop.interactions, shop.planted
    own = planted.item_group[rows.item] == planted.user_group[rows.user]
    assert 0.78 < own.mean() < 0.9  # 0.8 loyal, and one sixth of the rest


def test_a_few_items_of_a_group_are_far_more_popular(shop: Shop) -> None:
    counts = np.sort(np.bincount(shop.interactions.item, minlength=len(shop.items)))[::-1]
    assert counts[:24].sum() > 0.25 * counts.sum()


def test_popularity_is_what_was_planted(shop: Shop) -> None:
    plain = build_shop(seed=3, size=ShopSize(companionship=0.0, groups=3, users=1_500, sessions_per_user=20))
    first_week = plain.interactions.before(plain.end - 7 * DAY)
    mugs = np.flatnonzero(plain.planted.item_group == 0)
    views = np.bincount(first_week.of_types([EventType.VIEW]).item, minlength=len(plain.items))[mugs]
    np.testing.assert_allclose(views / views.sum(), plain.planted.popularity[mugs], atol=0.01)


def test_after_an_item_often_comes_its_companion_and_seldom_the_reverse(shop: Shop) -> None:
    views = shop.interactions.where(of_type(shop, EventType.VIEW))
    order = np.lexsort((views.time, views.session))
    follow = Counter(
        (int(views.item[left]), int(views.item[right]))
        for left, right in pairwise(order)
        if views.session[left] == views.session[right]
    )
    companion = shop.planted.companion
    forward = sum(count for (left, right), count in follow.items() if companion[left] == right)
    backward = sum(count for (left, right), count in follow.items() if companion[right] == left)
    assert 0.45 < forward / follow.total() < 0.65
    assert backward < forward / 8


def test_consumables_are_bought_again_by_the_same_shopper(shop: Shop) -> None:
    bought = shop.interactions.where(of_type(shop, EventType.PURCHASE))
    times = Counter(zip(bought.user.tolist(), bought.item.tolist(), strict=True))
    consumable, others = (
        [count > 1 for (_, item), count in times.items() if shop.planted.consumable[item] == wanted]
        for wanted in (True, False)
    )
    assert np.mean(consumable) > 2 * np.mean(others)
    favourites = shop.planted.favourite[np.arange(300), shop.planted.user_group]
    own = [
        times[user, item] for user, item in enumerate(favourites.tolist()) if shop.planted.consumable[item]
    ]
    assert np.median(own) >= 3


def test_rising_items_are_liked_in_the_last_week_only(shop: Shop) -> None:
    def share(start: int, end: int) -> float:
        return float(np.isin(shop.interactions.window(start, end).item, shop.planted.rising).mean())

    assert share(shop.end - 7 * DAY, shop.end) > 4 * share(shop.start, shop.end - 7 * DAY)


def test_cold_items_have_no_events_and_are_the_newest(shop: Shop) -> None:
    assert len(shop.planted.cold) == 12
    assert not np.isin(shop.interactions.item, shop.planted.cold).any()
    newest = max(item.created_at or 0 for item in shop.items)
    assert {shop.items[code].created_at for code in shop.planted.cold} == {newest}
    assert (shop.planted.companion[shop.planted.cold] == -1).all()


def test_carts_follow_views_purchases_follow_carts_and_some_come_back(shop: Shop) -> None:
    counts = {kind: int(of_type(shop, kind).sum()) for kind in EventType}
    assert counts[EventType.VIEW] > 2 * counts[EventType.CART] > 2 * counts[EventType.PURCHASE] > 0
    assert 0 < counts[EventType.RETURN] < counts[EventType.PURCHASE] / 10
    assert (shop.interactions.session[of_type(shop, EventType.RETURN)] == -1).all()
    bought = shop.interactions.where(of_type(shop, EventType.PURCHASE))
    returned = shop.interactions.where(of_type(shop, EventType.RETURN))
    keys = set(zip(bought.user.tolist(), bought.item.tolist(), (bought.time + 2 * DAY).tolist(), strict=True))
    assert (
        set(zip(returned.user.tolist(), returned.item.tolist(), returned.time.tolist(), strict=True)) <= keys
    )


def test_interest_names_the_group_of_the_community_or_is_missing(shop: Shop) -> None:
    names = [item.item_id.split("/")[0] for item in shop.items]
    group_name = {int(group): name for group, name in zip(shop.planted.item_group, names, strict=True)}
    told = [user.attributes.get("interest") for user in shop.users]
    for interest, group in zip(told, shop.planted.user_group, strict=True):
        assert interest in (None, group_name[int(group)])
    assert 0.7 < sum(interest is not None for interest in told) / len(told) < 0.9


def test_the_catalogue_takes_the_items_and_most_can_be_sold(shop: Shop) -> None:
    catalogue = Catalogue.build(shop.items)
    eligible = catalogue.eligible(shop.end)
    assert 0.85 < eligible.mean() < 1.0
    assert any("家居" in path for path in catalogue.categories.paths)


def test_titles_are_in_both_languages(shop: Shop) -> None:
    for item in shop.items:
        assert item.titles["en"].isascii() or item.brand in ("青花", "Ｗｅｌｌ")
        assert any("\u4e00" <= character <= "\u9fff" for character in item.titles["zh"])


def test_events_are_the_interactions(shop: Shop) -> None:
    events = list(shop.events())
    rows = shop.interactions
    assert len(events) == len(rows) == len({event.event_id for event in events})
    assert [event.timestamp for event in events] == rows.time.tolist()
    assert [rows.items.code(event.item_id or "") for event in events] == rows.item.tolist()
    assert [EVENT_CODES[event.type] for event in events] == rows.type.tolist()
    assert {event.session_id is None for event in events if event.type is EventType.RETURN} == {True}


@pytest.mark.parametrize("groups", [0, 9])
def test_a_shop_of_no_groups_or_too_many_is_refused(groups: int) -> None:
    with pytest.raises(InputError, match=f"groups is {groups}"):
        build_shop(seed=1, size=ShopSize(groups=groups))


@pytest.mark.parametrize(
    "size", [ShopSize(users=1, groups=1), ShopSize(groups=8, items_per_group=3, cold_per_group=0)]
)
def test_small_shops_are_shops_too(size: ShopSize) -> None:
    shop = build_shop(seed=1, size=size)
    assert len(shop.items) == size.groups * size.items_per_group
    assert len(shop.interactions) > 0
