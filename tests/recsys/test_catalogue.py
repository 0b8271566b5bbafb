import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.errors import InputError, ReleaseCorrupt
from recsys.expressions import parse
from recsys.rules import item_mask
from recsys.types import Item, Offer, Promo
from recsys.vocabulary import Vocabulary

NOW = 1_700_000_000_000

MUG = Item(
    item_id="mug",
    titles={"zh": "陶瓷杯", "en": "Mug", "pt-BR": "Caneca"},
    category="家居 > 厨房",
    brand="红",
    seller_id="s1",
    tags=("vegan", "热卖"),
    attributes={"rating": 4.5, "颜色": "红"},
    created_at=NOW - 1,
    offers=(
        Offer(sku="m", price=10.0, list_price=20.0, cost=3.0, promo=Promo(price=8.0, start=NOW, end=NOW + 9)),
    ),
)
PLATE = Item(item_id="plate", category="家居", brand="红", offers=(Offer(sku="p", price=5.0, stock=3.0),))
SOLD_OUT = Item(item_id="bowl", offers=(Offer(sku="b", stock=0.0),))
WINE = Item(item_id="wine", restricted=("adult",), offers=(Offer(sku="w"),))
ARTICLE = Item(item_id="news", kind="content", offers=(Offer(sku="n"),))
ALL = [MUG, PLATE, SOLD_OUT, WINE, ARTICLE]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Loaded from files, as in serving."""
    Catalogue.build(ALL).save(tmp_path)
    return Catalogue.load(tmp_path)


def test_columns_are_aligned_with_codes(catalogue: Catalogue) -> None:
    assert list(catalogue.vocabulary.ids) == ["mug", "plate", "bowl", "wine", "news"]
    assert [catalogue.categories.paths[code] for code in catalogue.category[:2]] == ["家居 > 厨房", "家居"]
    assert catalogue.category[2] == -1
    assert catalogue.brands[int(catalogue.brand[1])] == "红"
    assert catalogue.brand.tolist() == [0, 0, -1, -1, -1]
    assert catalogue.kind.tolist() == [0, 0, 0, 0, 1]
    assert catalogue.created_at.tolist() == [NOW - 1, -1, -1, -1, -1]
    np.testing.assert_array_equal(catalogue.price, [10, 5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(catalogue.list_price, [20, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(catalogue.cost, [3, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(catalogue.stock, [np.nan, 3, 0, np.nan, np.nan])
    np.testing.assert_array_equal(catalogue.rating, [4.5, np.nan, np.nan, np.nan, np.nan])
    assert catalogue.available.tolist() == [True, True, False, True, True]


def test_prices_follow_promotions(catalogue: Catalogue) -> None:
    assert catalogue.number("price", NOW - 1)[0] == 10.0
    assert catalogue.number("price", NOW)[0] == 8.0
    assert catalogue.number("price", NOW + 9)[0] == 10.0
    assert catalogue.number("price", NOW + 8) is catalogue.number("price", NOW)
    catalogue.update(replace(MUG, offers=(Offer(sku="m", price=4.0),)))
    assert catalogue.number("price", NOW)[0] == 4.0


def test_only_unrestricted_products_that_can_be_bought_are_eligible(catalogue: Catalogue) -> None:
    assert catalogue.eligible(NOW).tolist() == [True, True, False, False, False]
    assert catalogue.eligible(NOW, ("product", "content")).tolist() == [True, True, False, False, True]


def test_whole_items_come_back_by_code(catalogue: Catalogue) -> None:
    assert [catalogue.item(code) for code in range(5)] == ALL


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Mug"),
        ("en-GB", "Mug"),
        ("pt", "Caneca"),
        ("pt-PT", "Caneca"),
        ("fr", "陶瓷杯"),
        (None, "陶瓷杯"),
    ],
)
def test_a_title_falls_back_to_its_base_language_and_then_to_the_first(
    catalogue: Catalogue, language: str | None, title: str
) -> None:
    assert catalogue.title(0, language) == title
    assert catalogue.title(1, language) is None


def test_codes_without_an_item_are_never_eligible() -> None:
    catalogue = Catalogue.build([PLATE], Vocabulary(["ghost", "plate"]))
    assert catalogue.eligible(NOW).tolist() == [False, True]
    assert catalogue.item(0) is None
    assert catalogue.title(0) is None
    assert item_mask(parse("true"), catalogue, as_of=NOW).tolist() == [False, True]


def test_a_catalogue_without_items_works(tmp_path: Path) -> None:
    Catalogue.build([]).save(tmp_path)
    catalogue = Catalogue.load(tmp_path)
    assert len(catalogue) == 0
    assert catalogue.eligible(NOW).tolist() == []
    assert item_mask(parse('price < 5 or category under "a"'), catalogue, as_of=NOW).tolist() == []


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([MUG, MUG], "'mug' appears more than once"),
        ([Item(item_id="x")], "'x' is not in the vocabulary"),
        ([replace(MUG, kind="pet")], "unknown item kind 'pet'"),
    ],
)
def test_items_that_cannot_be_listed_are_refused_by_name(items: list[Item], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Catalogue.build(items, Vocabulary(["mug"]))


def test_an_update_reaches_every_column(catalogue: Catalogue, tmp_path: Path) -> None:
    new = Item(
        item_id="bowl",
        titles={"zh": "碗"},
        category="新 > 类",
        brand="新",
        seller_id="s9",
        tags=("新",),
        attributes={"颜色": 3, "新": True, "rating": 2},
        created_at=NOW,
        offers=(Offer(sku="b", price=4.0, list_price=8.0, cost=1.0, stock=7.0, promo=Promo(price=2.0)),),
    )
    assert catalogue.update(new)
    catalogue.save(tmp_path / "again")
    for state in (catalogue, Catalogue.load(tmp_path / "again")):
        assert state.item(2) == new
        assert state.eligible(NOW)[2]
        assert state.brands[int(state.brand[2])] == "新"
        assert state.categories.paths[state.category[2]] == "新 > 类"
        assert (state.price[2], state.stock[2], state.rating[2], state.created_at[2]) == (4.0, 7.0, 2.0, NOW)
        for text in (
            'category under "新"', 'brand = "新"', 'seller_id = "s9"', '"新" in tags', 'title = "碗"',
            "attributes.颜色 = 3", "attributes.新", "price = 2", "discount = 0.75", "cost = 1", "rating = 2",
        ):  # fmt: skip
            assert item_mask(parse(text), state, as_of=NOW).tolist() == [False, False, True, False, False], (
                text
            )


def test_an_update_leaves_the_files_it_was_loaded_from_alone(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.update(replace(PLATE, offers=(Offer(sku="p", price=99.0),), tags=("x",)))
    untouched = Catalogue.load(tmp_path)
    assert untouched.price[1] == 5.0
    assert untouched.item(1) == PLATE


def test_a_removed_item_is_gone_until_it_is_updated_again(catalogue: Catalogue) -> None:
    before = catalogue.version
    assert catalogue.remove("mug")
    assert not catalogue.eligible(NOW)[0]
    assert catalogue.item(0) is None
    assert not item_mask(parse('true or "vegan" in tags'), catalogue, as_of=NOW)[0]
    catalogue.update(replace(MUG, tags=("neu",)))
    assert catalogue.eligible(NOW)[0]
    assert not item_mask(parse('"vegan" in tags'), catalogue, as_of=NOW)[0]
    assert catalogue.version == before + 2


def test_a_change_that_changes_nothing_is_no_new_version(catalogue: Catalogue) -> None:
    assert catalogue.update(MUG)
    catalogue.remove("bowl")
    assert catalogue.remove("bowl")
    assert catalogue.version == 1


def test_an_item_that_cannot_be_stored_changes_nothing(catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match="'plate' cannot be written"):
        catalogue.update(replace(PLATE, attributes={"x": object()}, restricted=("adult",)))  # type: ignore[dict-item]
    assert catalogue.eligible(NOW)[1]
    assert catalogue.item(1) == PLATE


def test_an_item_born_after_the_vocabulary_is_not_taken(catalogue: Catalogue) -> None:
    assert not catalogue.update(Item(item_id="newborn"))
    assert not catalogue.remove("newborn")
    assert catalogue.version == 0


def test_an_update_with_an_unknown_kind_changes_nothing(catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match="unknown item kind"):
        catalogue.update(replace(PLATE, kind="pet", brand="other"))
    assert catalogue.item(1) == PLATE
    assert catalogue.eligible(NOW)[1]


def test_a_missing_file_says_which(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "columns" / "price.npy").unlink()
    with pytest.raises(ReleaseCorrupt, match=r"price\.npy"):
        Catalogue.load(tmp_path)


def test_readers_see_old_or_new_states_and_never_an_eligible_item_between_two_ineligible_ones() -> None:
    catalogue = Catalogue.build([MUG, PLATE])
    # Either state is ineligible for a reason of its own; a reader that mixes them could find none.
    states = [
        replace(PLATE, restricted=("adult",), brand="A0"),
        replace(PLATE, offers=(Offer(sku="p", stock=0.0),), brand="B0"),
    ]
    catalogue.update(states[0])
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        expression = parse('brand in ("红", "A1") or brand < "Z" or attributes.n > 0 or "t" in tags')
        while not stop.is_set():
            item_mask(expression, catalogue, as_of=NOW)
            item = catalogue.item(1)
            whole = (
                item is not None
                and item.brand is not None
                and (item.brand[0] == "A") is bool(item.restricted)
            )
            if catalogue.eligible(NOW)[1] or not whole:
                wrong.append(item)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for n in range(600):
            state = states[n % 2]
            # Always a new brand and a new value, so that dictionaries grow under the readers.
            brand = f"{'AB'[n % 2]}{n}"
            catalogue.update(replace(state, brand=brand, attributes={"n": n}, tags=("t", str(n))))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert catalogue.version == 601


def test_writers_queue_so_that_no_change_is_lost() -> None:
    items = [Item(item_id=str(n), offers=(Offer(sku="s", price=0.0),)) for n in range(40)]
    catalogue = Catalogue.build(items)

    def write(mine: list[Item]) -> None:
        for item in mine:
            catalogue.update(replace(item, brand=f"brand {item.item_id}", tags=("all", item.item_id)))

    writers = [threading.Thread(target=write, args=(items[n::4],)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [catalogue.brands[int(code)] for code in catalogue.brand] == [f"brand {n}" for n in range(40)]
    assert item_mask(parse('"all" in tags'), catalogue, as_of=NOW).all()
    assert item_mask(parse('"7" in tags'), catalogue, as_of=NOW).sum() == 1
