"""What an exam knows of items."""

import numpy as np

from recsys.types import Item, Offer, Promo
from recsys.vocabulary import Vocabulary
from training.facts import ItemFacts

CODES = Vocabulary(["mug", "pan", "tea", "unknown"])
ITEMS = [
    Item(item_id="tea", category="Food > Tea", offers=(Offer(sku="t", price=4.0, cost=1.5),)),
    Item(
        item_id="mug",
        category="Home > Kitchen > Mugs",
        offers=(Offer(sku="m", price=9.0, promo=Promo(price=6.0, start=10, end=20)),),
    ),
    Item(item_id="pan", category="Home > Kitchen"),
    Item(item_id="elsewhere", category="Garden"),
]


def test_facts_lie_by_code_and_unknown_is_no_fact() -> None:
    found = ItemFacts.of(ITEMS, CODES, at=30)
    assert found.names == ("Food", "Home")
    assert [found.names[code] if code >= 0 else None for code in found.top] == ["Home", "Home", "Food", None]
    assert len(set(found.category.tolist())) == 4
    assert np.nan_to_num(found.price, nan=-1).tolist() == [9.0, -1, 4.0, -1]
    assert np.nan_to_num(found.margin, nan=-1).tolist() == [-1, -1, 2.5, -1]


def test_a_price_is_that_of_the_moment() -> None:
    assert ItemFacts.of(ITEMS, CODES, at=15).price[0] == 6.0
    assert ItemFacts.of(ITEMS, CODES, at=20).price[0] == 9.0


def test_codes_past_the_end_have_no_category() -> None:
    assert ItemFacts.of(ITEMS, CODES, at=0).categories(6)[4:].tolist() == [-1, -1]
    assert ItemFacts().categories(2).tolist() == [-1, -1]
