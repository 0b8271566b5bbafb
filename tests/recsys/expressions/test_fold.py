import pytest

from recsys.expressions import fields, fold_user, parse

USER = {
    "tier": "gold",
    "tags": ["vip", "新"],
    "budget": 50,
    "aisle": "家居 > 厨房",
    "blank": " > ",
    "no": None,
}


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("price < user.budget", "price < 50"),
        ("brand in user.tags", 'brand in ("vip", "新")'),
        ("brand in user.tier", 'brand in ("gold")'),
        ("category under user.aisle", 'category under "家居 > 厨房"'),
        ("category under user.blank", "null"),
        ("user.tier in tags", '"gold" in tags'),
        ("user.tags in tags", "null"),
        ("price < user.missing", "null"),
        ("price < user.no", "null"),
        ("brand = user.tags", "null"),
        ("user.no is null", "true"),
        ('user.tier = "gold" and price < 5', "price < 5"),
        ('user.tier = "gold" or price < 5', "true"),
        ('user.tier != "gold" and price < 5', "false"),
        ("not user.missing", "null"),
        ("user.missing and price < 5", "null and price < 5"),
        ('not ("vip" in user.tags) or price < 5', "price < 5"),
        ('user.tier = "gold" and "x" not in user.tags', "true"),
        ("price < 5 and stock > 0", "price < 5 and stock > 0"),
    ],
)
def test_a_shoppers_values_become_constants_and_decided_parts_disappear(text: str, folded: str) -> None:
    assert str(fold_user(parse(text), USER)) == folded


def test_the_fields_of_an_expression_are_those_it_reads() -> None:
    expression = parse('not (price < user.budget or "x" in tags) and attributes.颜色 is null and true')
    assert fields(expression) == {"price", "user.budget", "tags", "attributes.颜色"}
