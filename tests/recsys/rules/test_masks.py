"""Agreement with the reference evaluator is a contract of its own (tests/contracts/test_filter_evaluators.py)."""

import pytest

from recsys.catalogue import Catalogue
from recsys.expressions import parse
from recsys.expressions.kleene import where
from recsys.expressions.tree import Compare, Contains, Expression, Field, In, Value
from recsys.rules import item_mask
from recsys.types import Item, Offer, Promo
from recsys.vocabulary import Vocabulary

NOW = 1_700_000_000_000


def product(name: str, price: float | None = None, stock: float | None = None, **fields: object) -> Item:
    offer = Offer(sku=name, price=price, list_price=100.0, stock=stock)
    return Item(item_id=name, offers=(offer,), **fields)  # type: ignore[arg-type]


ITEMS = [
    product(
        "mug",
        30.0,
        category="家居 > 厨房 > 杯子",
        brand="红",
        tags=("vegan",),
        attributes={"n": 1, "色": "红"},
        created_at=1000,
    ),
    product(
        "plate", 60.0, 0.0, category="家居>厨房", brand="A", tags=("vegan", "new"), attributes={"n": "1"}
    ),
    product("lamp", None, 5.0, category="家居 > 灯", attributes={"n": True, "rating": 4}),
    product("book", 10.0, 2.0, category="家居用书", brand="红"),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.build(ITEMS, Vocabulary(["mug", "plate", "lamp", "book", "ghost"]))


def kept(catalogue: Catalogue, text: str, user: dict[str, object] | None = None) -> set[str]:
    mask = item_mask(parse(text), catalogue, user or {}, as_of=NOW)
    return set(catalogue.vocabulary.decode(mask.nonzero()[0]))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('category under "家居"', {"mug", "plate", "lamp"}),
        ('category under "家居 > 厨房"', {"mug", "plate"}),
        ('category not under "家居 > 厨房"', {"lamp", "book"}),
        ('category = "家居>厨房"', {"plate"}),
        ("price < 50", {"mug", "book"}),
        ("not price < 50", {"plate"}),
        ("price is null", {"lamp"}),
        ("discount >= 0.7", {"mug", "book"}),
        ("stock > 0", {"mug", "lamp", "book"}),
        ("stock is null", {"mug"}),
        ("stock in (0, 2, 99)", {"plate", "book"}),
        ("stock <= 2", {"plate", "book"}),
        ('kind = "product" and kind not in ("content")', {"mug", "plate", "lamp", "book"}),
        ("rating > 3", {"lamp"}),
        ("created_at >= 1000", {"mug"}),
        ("created_at is null", {"plate", "lamp", "book"}),
        ('restricted is null or "x" in restricted', set()),
        ('attributes.色 under "红"', {"mug"}),
        ("available", {"mug", "lamp", "book"}),
        ('"vegan" in tags and "new" not in tags', {"mug"}),
        ('brand in ("红", "B")', {"mug", "book"}),
        ('brand != "红"', {"plate"}),
        ("brand is null", {"lamp"}),
        ('item_id in ("mug", "ghost", "?")', {"mug"}),
        ('item_id > "l"', {"mug", "plate", "lamp"}),
        ("attributes.n = 1", {"mug"}),
        ('attributes.n = "1"', {"plate"}),
        ("attributes.n", {"lamp"}),
        ("attributes.n >= 1", {"mug"}),
        ("attributes.n is null", {"book"}),
        ("attributes.missing = 1 or attributes.missing != 1", set()),
        ('attributes.色 in ("a", "b", "c", "d", "e", "f", "g", "红")', {"mug"}),
        ("true", {"mug", "plate", "lamp", "book"}),
        ("null", set()),
    ],
)
def test_a_mask_marks_the_items_a_filter_keeps(catalogue: Catalogue, text: str, names: set[str]) -> None:
    assert kept(catalogue, text) == names


def test_many_options_are_looked_up_like_few(catalogue: Catalogue) -> None:
    brands = [f'"b{n}"' for n in range(50)]
    assert kept(catalogue, f'brand in ({", ".join(brands)}, "红")') == {"mug", "book"}


def test_the_shoppers_values_are_folded_in(catalogue: Catalogue) -> None:
    assert kept(catalogue, "price < user.budget", {"budget": 20}) == {"book"}
    assert kept(catalogue, "price < user.budget") == set()


def test_promotions_count_at_the_asked_moment() -> None:
    offer = Offer(sku="a", price=10.0, promo=Promo(price=1.0, start=NOW, end=NOW + 1))
    catalogue = Catalogue.build([Item(item_id="a", offers=(offer,))])
    cheap = parse("price < 5")
    assert [bool(item_mask(cheap, catalogue, as_of=at)[0]) for at in (NOW - 1, NOW, NOW + 1)] == [
        False,
        True,
        False,
    ]


def test_the_mask_belongs_to_the_caller(catalogue: Catalogue) -> None:
    item_mask(parse("available"), catalogue, as_of=NOW)[:] = False
    assert kept(catalogue, "available") == {"mug", "lamp", "book"}
    assert catalogue.present.tolist() == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (Compare(Field("tags"), "=", Value("vegan")), set()),
        (Compare(Field("tags"), "!=", Value("vegan")), set()),
        (In(Field("tags"), (Value("new"), Value("x"))), {"plate"}),
        (Contains(Value("红"), Field("brand")), {"mug", "book"}),
        (Compare(Field("brand"), "<", Value(5)), set()),
        (Compare(Field("price"), "!=", Value("30")), {"mug", "plate", "book"}),
    ],
)
def test_trees_that_no_text_says_keep_what_the_evaluator_keeps(
    catalogue: Catalogue, expression: Expression, names: set[str]
) -> None:
    mask = item_mask(expression, catalogue, as_of=NOW)
    assert set(catalogue.vocabulary.decode(mask.nonzero()[0])) == names


def test_an_unfolded_shopper_is_refused() -> None:
    with pytest.raises(TypeError, match="apply fold_user first"):
        where(parse("price < user.budget"), True, None)  # type: ignore[type-var]
