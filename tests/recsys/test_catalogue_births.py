"""A catalogue that grew by births equals one that was built with all items, and its readers never notice the seam."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue
from recsys.errors import InputError
from recsys.expressions import parse
from recsys.rules import item_mask
from recsys.rules.filters import Filters
from recsys.types import Item, Offer, Promo
from recsys.vocabulary import Vocabulary

NOW = 1_700_000_000_000
FILTERS = [
    parse(text)
    for text in (
        'category under "家居"',
        'category = "家居 > 灯"',
        'brand in ("红", "B")',
        "price < 20",
        "price is null",
        "discount >= 0.3",
        "stock > 0",
        '"vegan" in tags',
        'attributes.色 = "红"',
        "attributes.n > 1",
        "rating >= 4",
        f"created_at > {NOW - 5}",
        'item_id in ("i0", "i7")',
        'item_id >= "i5"',
        'kind = "product" and not restricted is null',
        'title = "T3" or price > 15',
        "available",
    )
]


@st.composite
def items(draw: st.DrawFn, name: str) -> Item:
    price = draw(st.none() | st.floats(1, 50))
    promo = draw(st.none() | st.just(Promo(price=5.0, start=NOW - 5, end=NOW + 5)))
    offer = Offer(
        sku=name,
        price=price,
        list_price=draw(st.none() | st.just(60.0)),
        stock=draw(st.none() | st.sampled_from([0.0, 3.0])),
        promo=None if price is None else promo,
    )
    return Item(
        item_id=name,
        kind=draw(st.sampled_from(["product", "content"])),
        titles=draw(st.sampled_from([{}, {"en": "T3"}, {"zh": name}])),
        category=draw(st.sampled_from([None, "家居", "家居 > 灯", "新 > 鲜", "食品"])),
        brand=draw(st.sampled_from([None, "红", "B"])),
        tags=draw(st.sampled_from([(), ("vegan",), ("vegan", "new")])),
        restricted=draw(st.sampled_from([(), ("adult",)])),
        attributes=draw(st.sampled_from([{}, {"色": "红"}, {"n": 2, "rating": 4.5}, {"n": "2"}])),
        created_at=draw(st.none() | st.integers(NOW - 9, NOW)),
        offers=(offer,),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Item], list[tuple[str, Item]]]:
    """Items of a release, and births, changes and removals after it, in order."""
    released = [draw(items(f"i{n}")) for n in range(draw(st.integers(0, 5)))]
    names = [f"i{n}" for n in range(9)]
    steps = draw(
        st.lists(st.tuples(st.sampled_from(["put", "put", "remove"]), st.sampled_from(names)), max_size=12)
    )
    return released, [(verb, draw(items(name))) for verb, name in steps]


@settings(max_examples=150, deadline=None)
@given(histories())
def test_a_grown_catalogue_equals_one_built_with_all_items(
    tmp_path_factory: pytest.TempPathFactory, story: tuple[list[Item], list[tuple[str, Item]]]
) -> None:
    released, steps = story
    folder = tmp_path_factory.mktemp("grown")
    Catalogue.build(released).save(folder)
    grown = Catalogue.load(folder)
    filters = Filters(grown)
    now = {item.item_id: item for item in released}
    for verb, item in steps:
        for expression in FILTERS:
            filters.among(grown.listed(), expression, {}, NOW)
        if verb == "put":
            now[item.item_id] = item
            assert grown.add(item)
        else:
            now.pop(item.item_id, None)
            grown.remove(item.item_id)
    ids = grown.vocabulary.ids
    built = Catalogue.build(list(now.values()), Vocabulary(ids))
    grown.save(folder / "again")
    for each in (grown, Catalogue.load(folder / "again")):
        assert_equal(each, built)
    for expression in FILTERS:
        flags, kept = filters.among(grown.listed(), expression, {}, NOW)
        np.testing.assert_array_equal(flags, item_mask(expression, built, as_of=NOW))
        np.testing.assert_array_equal(kept.flags, flags & built.eligible(NOW))


def assert_equal(one: Catalogue, other: Catalogue) -> None:
    assert len(one) == len(other)
    assert one.vocabulary.digest == other.vocabulary.digest
    assert [one.item(code) for code in range(len(one))] == [other.item(code) for code in range(len(other))]
    for kinds in (("product",), ("product", "content")):
        np.testing.assert_array_equal(one.eligible(NOW, kinds), other.eligible(NOW, kinds))
    for name in ("price", "list_price", "cost", "stock"):
        np.testing.assert_array_equal(one.number(name, NOW), other.number(name, NOW))
        np.testing.assert_array_equal(one.number(name, NOW + 9), other.number(name, NOW + 9))
    for expression in FILTERS:
        np.testing.assert_array_equal(
            item_mask(expression, one, as_of=NOW), item_mask(expression, other, as_of=NOW)
        )


def plain(name: str, price: float = 10.0) -> Item:
    return Item(
        item_id=name,
        titles={"en": name},
        category="家居",
        brand="红",
        tags=("vegan",),
        attributes={"n": 2},
        offers=(Offer(sku=name, price=price, list_price=60.0),),
    )


def test_where_there_is_no_room_an_item_waits_and_changes_nothing() -> None:
    catalogue = Catalogue.build([plain("a")])
    catalogue.room = 1
    assert catalogue.add(plain("b"))
    version = catalogue.version
    assert not catalogue.add(plain("c"))
    assert (len(catalogue), catalogue.version, catalogue.turned_away) == (2, version, 1)
    assert catalogue.vocabulary.code("c") == -1
    assert catalogue.add(plain("b", 11.0)) and catalogue.price.tolist() == [10.0, 11.0]


def test_an_item_that_cannot_be_stored_gets_no_code() -> None:
    catalogue = Catalogue.build([plain("a")])
    for wrong in (replace(plain("b"), kind="spaceship"), replace(plain("b"), attributes={"n": object()})):
        with pytest.raises(InputError):
            catalogue.add(wrong)  # type: ignore[arg-type]
    assert catalogue.add(plain("c"))
    assert catalogue.vocabulary.ids == ["a", "c"]
    assert catalogue.item(1) == plain("c")


def test_the_vocabulary_it_was_built_with_stays_as_it_was() -> None:
    ids = Vocabulary(["a"])
    catalogue = Catalogue.build([plain("a")], ids)
    catalogue.add(plain("b"))
    assert list(ids.ids) == ["a"] and ids != catalogue.vocabulary


def test_readers_of_a_growing_catalogue_see_whole_items_of_one_length(tmp_path: Path) -> None:
    Catalogue.build([plain(f"i{n}") for n in range(50)]).save(tmp_path)
    catalogue = Catalogue.load(tmp_path)
    catalogue.room = 3_000
    filters, failures, done = Filters(catalogue), [], threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                look(catalogue, filters)
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1_500):
        catalogue.add(plain(f"n{number}", float(number % 40)))
        if number % 3 == 0:
            catalogue.remove(f"n{number // 2}")
    done.set()
    for reader in readers:
        reader.join(30)
    assert not failures


def look(catalogue: Catalogue, filters: Filters) -> None:
    names = [f"n{number}" for number in range(0, 1_500, 7)]
    codes = catalogue.vocabulary.encode(names)
    listed = catalogue.listed()
    assert codes.max(initial=-1) < len(listed.flags)
    for expression in FILTERS:
        flags, kept = filters.among(listed, expression, {}, NOW)
        assert len(kept.flags) == len(listed.flags) <= len(flags)
    for code in codes[codes >= 0][-3:].tolist():
        assert catalogue.vocabulary.code(catalogue.vocabulary[code]) == code
        item = catalogue.item(code)
        assert item is None or item.item_id == catalogue.vocabulary[code]
