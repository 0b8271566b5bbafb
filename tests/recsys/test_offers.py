import pytest

from recsys.offers import (
    discount,
    effective_price,
    face_offer,
    item_available,
    item_fields,
    pick_offer,
    sellable,
)
from recsys.types import Item, Offer, Promo

NOW = 1_700_000_000_000


def product(*offers: Offer, **fields: object) -> Item:
    return Item(item_id="杯子", offers=offers, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("at", "price"), [(NOW - 1, 10.0), (NOW, 7.0), (NOW + 99, 7.0), (NOW + 100, 10.0)])
def test_a_promotion_counts_from_its_start_up_to_before_its_end(at: int, price: float) -> None:
    offer = Offer(sku="s", price=10.0, promo=Promo(price=7.0, start=NOW, end=NOW + 100))
    assert effective_price(offer, at) == price


def test_a_promotion_without_bounds_is_always_on() -> None:
    assert effective_price(Offer(sku="s", price=10.0, promo=Promo(price=7.0)), NOW) == 7.0


@pytest.mark.parametrize(
    ("stock", "available", "expected"),
    [(None, True, True), (1, True, True), (0, True, False), (-2, True, False), (None, False, False)],
)
def test_untracked_stock_sells_and_empty_stock_does_not(
    stock: float | None, available: bool, expected: bool
) -> None:
    assert sellable(Offer(sku="s", stock=stock, available=available), NOW) is expected


def test_the_cheapest_sellable_offer_is_picked_at_its_price_of_the_moment() -> None:
    item = product(
        Offer(sku="sold out", price=1.0, stock=0),
        Offer(sku="plain", price=8.0),
        Offer(sku="on sale", price=9.0, promo=Promo(price=5.0, end=NOW)),
        Offer(sku="no price"),
    )
    assert pick_offer(item, NOW - 1) == item.offers[2]
    assert pick_offer(item, NOW) == item.offers[1]


def test_offers_without_a_price_come_last_and_ties_go_by_sku() -> None:
    item = product(Offer(sku="c"), Offer(sku="b", price=0.0), Offer(sku="a", price=0.0))
    assert pick_offer(item, NOW) == item.offers[2]
    assert pick_offer(product(Offer(sku="b"), Offer(sku="a")), NOW) == Offer(sku="a")


def test_only_offers_of_the_asked_market_and_channel_or_of_none_fit() -> None:
    german, app, anywhere = (
        Offer(sku="de", market="DE", price=1.0),
        Offer(sku="app", channel="app", price=2.0),
        Offer(sku="any", price=3.0),
    )
    item = product(german, app, anywhere)
    assert pick_offer(item, NOW) is german
    assert pick_offer(item, NOW, market="FR") is app
    assert pick_offer(item, NOW, market="FR", channel="web") is anywhere
    assert pick_offer(product(german), NOW, market="FR") is None


def test_a_sold_out_item_still_has_a_face() -> None:
    item = product(Offer(sku="a", price=2.0, stock=0), Offer(sku="b", price=1.0, stock=0))
    assert pick_offer(item, NOW) is None
    assert face_offer(item, NOW) == item.offers[1]
    assert not item_available(item)


def test_an_item_without_offers_cannot_be_bought() -> None:
    assert face_offer(product(), NOW) is None
    assert not item_available(product())
    assert item_fields(product(), NOW)["available"] is False


@pytest.mark.parametrize(
    ("price", "list_price", "expected"),
    [(75.0, 100.0, 0.25), (120.0, 100.0, 0.0), (None, 100.0, None), (5.0, None, None), (5.0, 0.0, None)],
)
def test_a_discount_is_the_share_taken_off_the_list_price(
    price: float | None, list_price: float | None, expected: float | None
) -> None:
    assert discount(price, list_price) == expected


def test_filters_read_the_face_offer_the_first_title_and_the_attributes() -> None:
    item = product(
        Offer(sku="s", price=60.0, list_price=80.0, cost=30.0, stock=4, promo=Promo(price=40.0, end=NOW + 1)),
        titles={"zh": "陶瓷杯", "en": "Mug"},
        category="家居 > 厨房",
        tags=("vegan",),
        attributes={"rating": 4.5, "颜色": "红"},
        created_at=NOW,
    )
    fields = item_fields(item, NOW)
    assert fields["title"] == "陶瓷杯"
    assert (fields["price"], fields["list_price"], fields["cost"], fields["discount"]) == (
        40.0,
        80.0,
        30.0,
        0.5,
    )
    assert (fields["stock"], fields["available"], fields["rating"]) == (4, True, 4.5)
    assert fields["attributes.颜色"] == "红"
    assert (fields["category"], fields["tags"], fields["brand"]) == ("家居 > 厨房", ("vegan",), None)


def test_a_rating_that_is_no_number_is_unknown() -> None:
    assert item_fields(product(attributes={"rating": "five"}), NOW)["rating"] is None
