"""An item means the same however it came: over HTTP or as a row of a file."""

from typing import Any

import pytest

from feature_store.records.fields import Rejection
from feature_store.records.items import validate_item
from feature_store.records.users import validate_user
from recsys.types import Consent, Item, Offer, User
from serving.errors import InvalidRequest
from serving.schemas.items import ItemPatch, ItemRow, OfferRow
from serving.schemas.users import UserPatch, UserRow
from serving.wire.validation import read_as
from serving.writes.item_changes import changed_at, changed_offers, item_of, patched
from serving.writes.user_service import patched as patched_user
from serving.writes.user_service import user_of

NOW = 1_790_000_000_000
ROWS: list[dict[str, Any]] = [
    {"item_id": "a"},
    {"item_id": "a", "titles": {"en": "Mug", "zh": "马克杯"}, "category": "Home>Kitchen", "tags": ["x", "x"]},
    {"item_id": "a", "title": "马克杯", "price": 3, "stock": -2, "currency": "CNY"},
    {"item_id": "a", "offers": []},
    {"item_id": "a", "offers": [{"sku": "s", "market": "CN"}, {"sku": "s", "market": "US", "price": 2}]},
    {"item_id": "a", "offers": [{"sku": "s"}, {"sku": "s"}]},
    {"item_id": "a", "offers": [{"sku": "s"}], "price": 3},
    {"item_id": "a", "promo": {"price": 1, "start": 2_000_000_000_000, "end": 1_000_000_000_000}},
    {"item_id": "a", "promo": {"price": 1}, "price": 2, "created_at": "2026-01-01T00:00:00+08:00"},
    {"item_id": "a", "price": -1},
    {"item_id": "a", "kind": "spaceship"},
    {"item_id": "a", "kind": "live", "attributes": {"颜色": "蓝", "n": 1, "ok": True}},
    {"item_id": "a", "attributes": {"nested": {"b": 1}}},
    {"item_id": "a", "unknown": 1},
    {"item_id": "a", "category": "Home > > Mugs"},
    {"item_id": "a\u200b"},
    {"item_id": ""},
    {"item_id": "a", "created_at": "yesterday"},
    {"item_id": "a", "title": "A", "titles": {"en": "B"}},
    {"item_id": "a", "titles": {"english": "B"}},
    {},
]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_over_http_is_the_item_of_that_row_in_a_file(row: dict[str, Any]) -> None:
    expected = validate_item({**row, "updated_at": NOW}, NOW)
    if isinstance(expected, Rejection):
        with pytest.raises(InvalidRequest):
            item_of(read_as(ItemRow, row), str(row.get("item_id")), NOW)
    else:
        assert item_of(read_as(ItemRow, row), row["item_id"], NOW) == expected


@pytest.mark.parametrize(
    "row",
    [
        {"user_id": "u"},
        {"user_id": "u", "attributes": {"会员等级": "黄金", "age": 3}, "consent": {"train": False}},
        {"user_id": "u", "attributes": {"a": [1]}},
        {"user_id": "u", "consent": {"everything": True}},
        {"user_id": "u", "consent": {"train": "no"}},
        {"user_id": " u"},
        {"user_id": "u", "extra": 1},
    ],
)
def test_a_shopper_over_http_is_the_shopper_of_that_row_in_a_file(row: dict[str, Any]) -> None:
    expected = validate_user({**row, "updated_at": NOW}, NOW)
    if isinstance(expected, Rejection):
        with pytest.raises(InvalidRequest):
            user_of(read_as(UserRow, row), row["user_id"], NOW)
    else:
        assert user_of(read_as(UserRow, row), row["user_id"], NOW) == expected


WHOLE = Item(
    item_id="a",
    titles={"en": "Mug", "zh": "马克杯"},
    brand="B",
    attributes={"x": 1, "y": 2},
    tags=("t",),
    offers=(Offer(sku="s", price=2.0, cost=1.0, stock=3.0),),
    updated_at=5,
)


def change(**patch: Any) -> Item:
    return patched(WHOLE, read_as(ItemPatch, patch), NOW)


def test_an_empty_patch_changes_the_time_alone() -> None:
    assert change() == Item(**{**{name: getattr(WHOLE, name) for name in WHOLE.__slots__}, "updated_at": NOW})


def test_maps_change_name_by_name_and_null_clears() -> None:
    found = change(titles={"en": None}, attributes={"y": 3, "z": "new"}, brand=None, tags=[])
    assert found.titles == {"zh": "马克杯"}
    assert found.attributes == {"x": 1, "y": 3, "z": "new"}
    assert (found.brand, found.tags) == (None, ())


def test_offer_fields_change_the_only_offer_and_leave_the_rest_of_it() -> None:
    assert change(price=9.0, stock=None).offers == (Offer(sku="s", price=9.0, cost=1.0),)
    assert change(promo={"price": 1.0}).offers[0].promo is not None
    assert change(offers=[{"sku": "n"}]).offers == (Offer(sku="n"),)


def test_a_patch_that_makes_no_item_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        change(category="a > > b")


def test_one_offer_of_several_is_named_by_its_sku() -> None:
    two = changed_offers(WHOLE, [read_as(OfferRow, {"item_id": "a", "sku": "n", "price": 4.0})], NOW)
    assert [(offer.sku, offer.price) for offer in two.offers] == [("s", 2.0), ("n", 4.0)]
    with pytest.raises(InvalidRequest, match="s, n"):
        changed_offers(two, [read_as(OfferRow, {"item_id": "a", "price": 4.0})], NOW)


def test_a_change_is_never_later_than_now_nor_older_than_what_it_changes() -> None:
    assert changed_at(5, None, NOW) == NOW
    assert changed_at(NOW + 7, None, NOW) == NOW + 7
    assert changed_at(5, NOW + 7, NOW) == NOW
    assert changed_at(5, 3, NOW) == 3


def test_a_shopper_changes_name_by_name_too() -> None:
    user = User(user_id="u", attributes={"a": 1, "b": 2}, consent=Consent(market=False), updated_at=5)
    found = patched_user(
        user, read_as(UserPatch, {"attributes": {"a": None}, "consent": {"train": False}}), NOW
    )
    assert found.attributes == {"b": 2}
    assert found.consent == Consent(market=False, train=False)
    assert found.updated_at == NOW
