from collections.abc import Mapping

import pytest

from recsys.expressions import evaluate, keeps, parse

MUG: Mapping[str, object] = {
    "item_id": "杯-1",
    "category": "家居 > 厨房 > 杯子",
    "brand": "红",
    "price": 30.0,
    "stock": 4,
    "available": True,
    "tags": ("vegan", "热卖"),
    "created_at": 1000,
    "attributes.颜色": "红",
    "attributes.n": 2,
    "attributes.organic": True,
}
USER: Mapping[str, object] = {
    "tier": "gold",
    "budget": 50,
    "tags": ["vip", "新"],
    "brands": ("红",),
    "aisle": "家居",
}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("price < 50", True),
        ("price >= 50", False),
        ("cost < 50", None),
        ("not cost < 50", None),
        ("cost != 50", None),
        ("cost is null", True),
        ("price is not null", True),
        ("null", None),
        ('category under "家居"', True),
        ('category under " 家居>厨房 "', True),
        ('category under "家"', False),
        ('category = "家居>厨房>杯子"', False),
        ('category not under "Home"', True),
        ('"热卖" in tags', True),
        ('"热" in tags', False),
        ('"x" in restricted', None),
        ('brand in ("A", "红")', True),
        ("brand in ()", False),
        ('seller_id in ("A")', None),
        ('attributes.颜色 = "红" and attributes.n = 2.0 and attributes.organic', True),
        ('attributes.n = "2"', False),
        ('attributes.n != "2"', True),
        ('attributes.n < "2"', None),
        ("attributes.organic = 1", False),
        ("attributes.missing != 1", None),
        ('user.tier = "gold"', True),
        ("price < user.budget", True),
        ("price < user.nothing", None),
        ("price < user.tier", None),
        ("brand in user.brands", True),
        ("brand in user.tier", False),
        ('"vip" in user.tags and "x" not in user.tags', True),
        ('user.tags = "vip"', None),
        ('user.tags in ("a", "新")', True),
        ("user.tier in tags", False),
        ("category under user.aisle", True),
        ("category under user.tags", None),
    ],
)
def test_a_predicate_is_true_false_or_unknown(text: str, outcome: bool | None) -> None:
    assert evaluate(parse(text), MUG, USER) is outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("true and null", None),
        ("false and null", False),
        ("null and false", False),
        ("true or null", True),
        ("null or true", True),
        ("false or null", None),
        ("not null", None),
        ("not false", True),
    ],
)
def test_connectives_follow_kleene(text: str, outcome: bool | None) -> None:
    assert evaluate(parse(text), {}) is outcome


def test_a_filter_keeps_what_is_true_and_nothing_unknown() -> None:
    assert keeps(parse("price < 50"), MUG)
    assert not keeps(parse("cost < 50"), MUG)
    assert not keeps(parse("not cost < 50"), MUG)


@pytest.mark.parametrize(
    ("fields", "sells"),
    [
        ({}, True),
        ({"stock": None, "available": True}, True),
        ({"stock": None, "available": False}, False),
        ({"stock": 3}, True),
        ({"stock": 0, "available": True}, False),
        ({"stock": 3, "available": False}, False),
        ({"stock": float("nan")}, True),
    ],
)
def test_missing_stock_counts_as_available(fields: Mapping[str, object], sells: bool) -> None:
    assert evaluate(parse("available"), fields) is sells
    assert evaluate(parse("available is null"), fields) is False


def test_untracked_stock_is_unlimited_while_available_and_nothing_otherwise() -> None:
    assert keeps(parse("stock > 0 and stock >= 1000000 and stock is null"), {"stock": None})
    assert keeps(parse("stock = 0 and not stock > 0"), {"stock": None, "available": False})
    assert keeps(parse("stock = 0"), {"stock": 0.0})


def test_nan_is_null() -> None:
    assert evaluate(parse("price < 5"), {"price": float("nan")}) is None
    assert evaluate(parse("price is null"), {"price": float("nan")}) is True


def test_text_compares_exactly_and_by_code_point() -> None:
    assert not keeps(parse('brand = "a"'), {"brand": "A"})
    assert not keeps(parse('brand = "A"'), {"brand": "Ａ"})
    assert keeps(parse('brand < "红"'), {"brand": "z"})
