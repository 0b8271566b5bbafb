from typing import Any

import pytest

from feature_store.records.fields import Rejection
from feature_store.records.items import validate_item
from recsys.types import Item, Offer, Promo

NOW = 1_764_000_000_000
FULL: dict[str, Any] = {
    "item_id": "i1",
    "kind": "product",
    "titles": {"zh": "红杯子", "en": "Red mug"},
    "category": "家居 >厨房> 杯子",
    "brand": "名品",
    "seller_id": "s1",
    "tags": ["新品", "gift", "新品"],
    "attributes": {"volume": 0.3, "material": "陶瓷", "dishwasher": True},
    "image_url": "https://shop.example/i1.png",
    "url": "/i1",
    "restricted": ["age18"],
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": NOW,
    "offers": [
        {
            "sku": "i1-red",
            "market": "CN",
            "channel": "app",
            "currency": "CNY",
            "list_price": 39,
            "price": 35,
            "promo": {"price": 29.9, "start": NOW, "end": NOW + 1},
            "cost": 12.5,
            "stock": 7,
            "available": True,
        },
        {"sku": "i1-blue", "stock": 0, "available": False},
    ],
}


def item(row: dict[str, Any], **options: Any) -> Item:
    judged = validate_item(row, NOW, **options)
    assert isinstance(judged, Item), judged
    return judged


def test_a_nested_row_becomes_the_whole_item() -> None:
    assert item(FULL) == Item(
        item_id="i1",
        kind="product",
        titles={"zh": "红杯子", "en": "Red mug"},
        category="家居 > 厨房 > 杯子",
        brand="名品",
        seller_id="s1",
        tags=("新品", "gift"),
        attributes={"volume": 0.3, "material": "陶瓷", "dishwasher": True},
        image_url="https://shop.example/i1.png",
        url="/i1",
        restricted=("age18",),
        created_at=1_735_689_600_000,
        updated_at=NOW,
        offers=(
            Offer(
                sku="i1-red",
                market="CN",
                channel="app",
                currency="CNY",
                list_price=39,
                price=35,
                promo=Promo(price=29.9, start=NOW, end=NOW + 1),
                cost=12.5,
                stock=7,
            ),
            Offer(sku="i1-blue", stock=0, available=False),
        ),
    )


def test_a_flat_row_of_text_becomes_an_item_with_one_offer() -> None:
    row = {
        "item_id": "i1",
        "title": "红杯子",
        "title_en": "Red mug",
        "title_fr": "",
        "category": "家居 > 杯子",
        "tags": "新品|gift",
        "attributes.volume": "0.3",
        "price": "35.0",
        "promo_price": "29.9",
        "promo_end": "2025-12-31T00:00:00+08:00",
        "stock": "",
        "available": "true",
    }
    assert item(row, from_file=True) == Item(
        item_id="i1",
        titles={"zh": "红杯子", "en": "Red mug"},
        category="家居 > 杯子",
        tags=("新品", "gift"),
        attributes={"volume": "0.3"},
        offers=(Offer(sku="i1", price=35.0, promo=Promo(price=29.9, end=1_767_110_400_000)),),
    )


@pytest.mark.parametrize(
    ("title", "language", "titles"),
    [
        ("红杯子", None, {"zh": "红杯子"}),
        ("Red mug", None, {"en": "Red mug"}),
        ("赤いマグ", None, {"en": "赤いマグ"}),
        ("赤いマグ", "ja", {"ja": "赤いマグ"}),
    ],
)
def test_a_plain_title_is_in_the_shops_language_or_guessed_by_script(
    title: str, language: str | None, titles: dict[str, str]
) -> None:
    assert item({"item_id": "i", "title": title}, language=language).titles == titles


def test_an_item_without_offers_gets_one_by_default_and_an_empty_list_means_none() -> None:
    assert item({"item_id": "i"}).offers == (Offer(sku="i"),)
    assert item({"item_id": "i", "offers": []}).offers == ()


def test_a_file_may_carry_offers_as_json_text() -> None:
    row = {"item_id": "i", "offers": '[{"price": 3}]', "attributes": '{"a": 1}', "tags": '["x"]'}
    judged = item(row, from_file=True)
    assert (judged.offers, judged.attributes, judged.tags) == ((Offer(sku="i", price=3),), {"a": 1}, ("x",))


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"item_id": None}, "missing_field", "item_id"),
        ({"kind": "prodct"}, "unknown_value", "kind"),
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"colour": None}, "unknown_field", "colour"),
        ({"titles": {"english": "x"}}, "unknown_field", "titles"),
        ({"title": "x"}, "double_field", "titles"),
        ({"titles": None, "title": 5}, "wrong_type", "title_en"),
        ({"category": "a > > b"}, "bad_category", "category"),
        ({"category": "长" * 513}, "too_long", "category"),
        ({"tags": "新品"}, "wrong_type", "tags"),
        ({"tags": [""]}, "bad_id", "tags"),
        ({"attributes": {"a": [1]}}, "wrong_type", "attributes"),
        ({"created_at": "2999-01-01T00:00:00Z"}, "future_time", "created_at"),
        ({"price": 3}, "double_field", "price"),
        ({"offers": {"sku": "x"}}, "wrong_type", "offers"),
        ({"offers": ["x"]}, "wrong_type", "offers"),
        ({"offers": [{"prise": 1}]}, "unknown_field", "prise"),
        ({"offers": [{"price": -1}]}, "out_of_range", "price"),
        ({"offers": [{"price": float("nan")}]}, "not_finite", "price"),
        ({"offers": [{"sku": "a"}, {"sku": "a"}]}, "double_field", "offers"),
        ({"offers": [{"promo": 5}]}, "wrong_type", "promo"),
        ({"offers": [{"promo": {"start": NOW}}]}, "missing_field", "promo"),
        ({"offers": [{"promo": {"price": 1, "start": NOW, "end": NOW}}]}, "out_of_range", "promo"),
    ],
)
def test_a_bad_item_is_refused_by_code_and_field(changes: dict[str, Any], code: str, field: str) -> None:
    row = {
        name: value for name, value in {**FULL, **changes}.items() if value is not None or name == "colour"
    }
    judged = validate_item(row, NOW)
    assert isinstance(judged, Rejection)
    assert (judged.code, judged.field) == (code, field)


def test_a_promotion_may_lie_in_the_future_and_stock_below_zero() -> None:
    row = {"item_id": "i", "promo_price": 1, "promo_start": "2999-01-01T00:00:00Z", "price": 2, "stock": -3}
    assert item(row).offers[0].stock == -3
