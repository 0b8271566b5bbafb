from recsys.catalogue import Catalogue
from recsys.types import Item, Offer, Promo
from serving.lists.faces import Faces, key_of
from serving.lists.item_view import ItemView

MUG = Item(
    item_id="mug",
    titles={"en": "Mug", "zh": "马克杯"},
    offers=(Offer(sku="m1", price=5.0), Offer(sku="m2", price=4.0, channel="app")),
)
SALE = Item(
    item_id="sale", offers=(Offer(sku="s", price=9.0, promo=Promo(price=6.0, start=1_000, end=2_000)),)
)


def shown(faces: Faces, code: int, **view: object):  # type: ignore[no-untyped-def]
    seen = ItemView(**{"at": 0, "fields": ("price", "title"), **view})  # type: ignore[arg-type]
    found = faces.of(code).shown(seen, key_of(seen))
    return found.sku, found.attributes


def test_an_item_is_made_once_and_seen_as_each_caller_sees_it() -> None:
    faces = Faces(Catalogue.build([MUG, SALE]))
    assert shown(faces, 0, language="zh") == ("m2", {"price": 4.0, "title": "马克杯"})
    assert shown(faces, 0, channel="web") == ("m1", {"price": 5.0, "title": "Mug"})
    assert faces.of(0) is faces.of(0)
    assert faces.counted() == (3, 1)
    assert faces.counted() == (0, 0)


def test_a_change_shows_at_once_and_alone() -> None:
    catalogue = Catalogue.build([MUG, SALE])
    faces = Faces(catalogue)
    kept = faces.of(1)
    assert faces.of(0).because("together", "en").text == "Goes with Mug"
    catalogue.update(Item(item_id="mug", titles={"en": "Cup"}, offers=(Offer(sku="m3", price=3.0),)))
    assert shown(faces, 0) == ("m3", {"price": 3.0, "title": "Cup"})
    assert faces.of(0).because("together", "en").text == "Goes with Cup"
    assert faces.of(1) is kept
    catalogue.remove("mug")
    assert shown(faces, 0) == (None, {})
    assert faces.of(0).item_id == "mug"


def test_what_is_kept_follows_the_clock() -> None:
    faces = Faces(Catalogue.build([MUG, SALE]))
    assert [shown(faces, 1, at=at)[1]["price"] for at in (0, 1_500, 1_600, 2_000, 1_999)] == [9, 6, 6, 9, 6]


def test_no_more_than_its_capacity_is_kept() -> None:
    items = [Item(item_id=f"i{number}") for number in range(50)]
    faces = Faces(Catalogue.build(items), capacity=10)
    assert [faces.of(code).item_id for code in range(50)] == [item.item_id for item in items]
    assert len(faces._kept) <= 10
