"""A kept mask is what the filter says now: it is made again when something it reads has changed, and only then."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.expressions import parse
from recsys.rules import item_mask
from recsys.rules.filters import Filters
from recsys.testing import build_shop
from recsys.types import Item, Offer, Promo

NOW = 1_000_000


def item(number: int, **changes: object) -> Item:
    offer = Offer(sku=f"s{number}", price=float(number), list_price=10.0 + number, stock=5.0)
    return replace(
        Item(
            item_id=f"i{number}",
            titles={"en": f"Item {number}"},
            category="a > b",
            brand="x",
            offers=(offer,),
        ),
        **changes,  # type: ignore[arg-type]
    )


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.build([item(number) for number in range(1, 9)])


TEXTS = (
    "price < 4",
    "discount > 0.5",
    "stock > 0",
    "available",
    'category under "a"',
    'brand = "x"',
    '"new" in tags',
    "attributes.size = 3",
    "rating > 3",
    'item_id in ("i1", "i2")',
    "true",
)


def offered(price: float, stock: float) -> tuple[Offer, ...]:
    return (Offer(sku="s1", price=price, list_price=20.0, stock=stock),)


CHANGES: tuple[dict[str, object], ...] = (
    {"offers": offered(99.0, 5.0)},
    {"offers": offered(1.0, 0.0)},
    {"category": "c > d"},
    {"brand": None},
    {"tags": ("new",)},
    {"attributes": {"size": 3}},
    {"attributes": {"rating": 4.5}},
    {"titles": {"en": "Another"}},
    {"restricted": ("18+",)},
)


@pytest.mark.parametrize("text", TEXTS)
def test_after_any_change_a_filter_says_what_a_new_one_says(catalogue: Catalogue, text: str) -> None:
    filters, asked = Filters(catalogue), parse(text)

    def agrees() -> None:
        expected = item_mask(asked, catalogue, as_of=NOW)
        flags, kept = filters.among(catalogue.listed(), asked, {}, NOW)
        np.testing.assert_array_equal(flags, expected)
        np.testing.assert_array_equal(kept.flags, expected & catalogue.eligible(NOW))

    agrees()
    for change in CHANGES:
        for version in (item(1, **change), item(1)):
            catalogue.update(version)
            agrees()
    catalogue.remove("i1")
    agrees()
    catalogue.update(item(1))
    agrees()


def test_a_mask_is_kept_while_nothing_it_reads_changes(catalogue: Catalogue) -> None:
    filters = Filters(catalogue)
    cheap, branded = parse("price < 4"), parse('brand = "x"')
    before = [filters.among(catalogue.listed(), text, {}, NOW) for text in (cheap, branded)]
    catalogue.update(item(1, offers=offered(99.0, 5.0)))
    after = [filters.among(catalogue.listed(), text, {}, NOW) for text in (cheap, branded)]
    assert after[0][0] is not before[0][0]
    assert (after[1][0] is before[1][0], after[1][1] is before[1][1]) == (True, True)
    listed = catalogue.listed()
    catalogue.update(item(2, offers=(Offer(sku="s", price=2.0, stock=0.0),)))
    assert catalogue.listed() is not listed
    assert filters.among(catalogue.listed(), branded, {}, NOW)[1] is not before[1][1]


def test_a_promotion_begins_and_ends_for_a_kept_mask(catalogue: Catalogue) -> None:
    promo = Promo(price=1.0, start=NOW, end=NOW + 10)
    catalogue.update(item(7, offers=(Offer(sku="s", price=7.0, promo=promo),)))
    filters, cheap = Filters(catalogue), parse("price < 2")
    found = [bool(filters.flags(cheap, {}, at)[6]) for at in (NOW - 1, NOW, NOW + 9, NOW + 10, NOW)]
    assert found == [False, True, True, False, True]


def test_shoppers_share_what_is_left_of_a_filter_for_them_and_nothing_else(catalogue: Catalogue) -> None:
    filters, affordable = Filters(catalogue), parse("price <= user.budget")
    one = filters.flags(affordable, {"budget": 3}, NOW)
    assert filters.flags(affordable, {"budget": 3, "name": "b"}, NOW) is one
    assert filters.flags(affordable, {"budget": 5}, NOW).sum() == 5
    assert filters.flags(affordable, {}, NOW).sum() == 0
    assert one.sum() == 3


def test_memory_for_masks_is_bounded() -> None:
    shop = build_shop(seed=1)
    catalogue = Catalogue.build(shop.items)
    filters = Filters(catalogue)
    for number in range(400):
        filters.flags(parse(f"price < {number}"), {}, NOW)
    assert len(filters._masks) == 256
    first = parse("price < 0")
    np.testing.assert_array_equal(filters.flags(first, {}, NOW), item_mask(first, catalogue, as_of=NOW))


def test_equal_trees_share_a_mask_and_trees_that_come_and_go_are_told_apart(catalogue: Catalogue) -> None:
    filters = Filters(catalogue)
    assert filters.flags(parse("price < 4"), {}, NOW) is filters.flags(parse("price < 4"), {}, NOW)
    generator = np.random.default_rng(0)
    for _ in range(2_000):
        bound = int(generator.integers(0, 300))
        tree = parse(
            str(
                generator.choice(
                    (f"price < {bound}", f"price > {bound}", f"price < user.b or stock = {bound}")
                )
            )
        )
        user = {"b": int(generator.integers(0, 9))}
        np.testing.assert_array_equal(
            filters.flags(tree, user, NOW), item_mask(tree, catalogue, user, as_of=NOW)
        )
