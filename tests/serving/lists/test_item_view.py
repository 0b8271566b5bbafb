import pytest

from recsys.types import Item, Offer, Promo
from serving.lists.item_view import FIELD_NAMES, PRIVATE_FIELDS, ItemView, title_in

NOW = 1_000_000
ITEM = Item(
    item_id="i",
    titles={"en": "Mug", "zh": "马克杯"},
    category="家居 > 厨房",
    attributes={"colour": "blue"},
    tags=("new",),
    created_at=0,
    offers=(
        Offer(sku="cheap", market="CN", channel="app", price=5.0, list_price=8.0, cost=2.0, currency="CNY"),
        Offer(sku="gone", market="CN", price=1.0, stock=0),
        Offer(sku="dear", market="US", price=9.0, promo=Promo(price=6.0, start=NOW, end=NOW + 1)),
    ),
)


def view(**more: object) -> ItemView:
    return ItemView(at=NOW, **more)  # type: ignore[arg-type]


def test_the_offer_is_the_cheapest_that_can_be_bought_here() -> None:
    assert view().offer(ITEM).sku == "cheap"  # type: ignore[union-attr]
    assert view(market="US").offer(ITEM).sku == "dear"  # type: ignore[union-attr]
    assert view().offer(Item(item_id="bare")) is None


def test_where_nothing_can_be_bought_the_item_keeps_its_face() -> None:
    assert view(market="JP").offer(ITEM) is not None


def test_prices_are_those_of_the_offer_and_of_the_moment() -> None:
    asked = view(market="US", fields=("price", "currency"))
    assert asked.attributes(ITEM, asked.offer(ITEM)) == {"price": 6.0}
    later = ItemView(at=NOW + 1, market="US", fields=("price",))
    assert later.attributes(ITEM, later.offer(ITEM)) == {"price": 9.0}


def test_the_usual_attributes_are_everything_but_private_ones() -> None:
    usual = view(fields=()).attributes(ITEM, view().offer(ITEM))
    assert usual["title"] == "Mug"
    assert (usual["price"], usual["discount"], usual["available"]) == (5.0, 0.375, True)
    assert usual["created_at"] == "1970-01-01T00:00:00.000Z"
    assert not PRIVATE_FIELDS & usual.keys()


def test_no_attributes_are_told_when_none_are_asked_for() -> None:
    assert view().attributes(ITEM, view().offer(ITEM)) == {}


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_every_known_name_can_be_asked_for_by_itself(name: str) -> None:
    assert view(fields=(name,)).attributes(ITEM, ITEM.offers[0]).keys() <= {name}
    assert view(fields=(name,)).attributes(Item(item_id="bare"), None).keys() <= {name}


def test_an_attribute_is_asked_for_by_its_own_name() -> None:
    asked = view(fields=("attributes.colour", "attributes.none", "cost"))
    assert asked.attributes(ITEM, ITEM.offers[0]) == {"attributes.colour": "blue", "cost": 2.0}


@pytest.mark.parametrize(
    ("language", "title"),
    [(None, "Mug"), ("zh", "马克杯"), ("zh-TW", "马克杯"), ("zh_CN", "马克杯"), ("fr", "Mug"), ("EN", "Mug")],
)
def test_a_title_is_in_the_language_or_the_shops_first(language: str | None, title: str) -> None:
    assert title_in({"en": "Mug", "zh": "马克杯"}, language) == title


def test_an_item_without_titles_has_none() -> None:
    assert title_in({}, "en") is None
