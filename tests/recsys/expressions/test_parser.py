import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import ExpressionError
from recsys.expressions import parse
from recsys.expressions.tree import (
    And,
    Compare,
    Constant,
    Contains,
    Expression,
    Field,
    In,
    IsNull,
    Not,
    Or,
    Under,
    Value,
)


def test_the_example_of_the_documentation_parses() -> None:
    text = 'category under "Home > Kitchen" and price < 50 and "vegan" in tags and not brand in ("A","B") and stock > 0'
    assert parse(text) == And(
        (
            Under(Field("category"), Value("Home > Kitchen")),
            Compare(Field("price"), "<", Value(50)),
            Contains(Value("vegan"), Field("tags")),
            Not(In(Field("brand"), (Value("A"), Value("B")))),
            Compare(Field("stock"), ">", Value(0)),
        )
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("true", Constant(True)),
        ("null", Constant(None)),
        ("available", Compare(Field("available"), "=", Value(True))),
        ("attributes.organic", Compare(Field("attributes.organic"), "=", Value(True))),
        ("price>=-1.5e2", Compare(Field("price"), ">=", Value(-150.0))),
        ("brand IS NOT NULL", Not(IsNull(Field("brand")))),
        ("brand not in ()", Not(In(Field("brand"), ()))),
        ("brand in user.brands", In(Field("brand"), Field("user.brands"))),
        ("user.likes in tags", Contains(Field("user.likes"), Field("tags"))),
        ('"vip" not in user.tags', Not(Contains(Value("vip"), Field("user.tags")))),
        ("true in user.x", Contains(Value(True), Field("user.x"))),
        ("category not under user.aisle", Not(Under(Field("category"), Field("user.aisle")))),
        ('attributes.颜色 = "红"', Compare(Field("attributes.颜色"), "=", Value("红"))),
        ('attributes."pack size" = "大"', Compare(Field("attributes.pack size"), "=", Value("大"))),
        ("attributes.in.and = 1", Compare(Field("attributes.in.and"), "=", Value(1))),
        ("brand = 'it\\'s'", Compare(Field("brand"), "=", Value("it's"))),
        (r'brand = "\u7ea2\n\"\ud83d\ude00"', Compare(Field("brand"), "=", Value('红\n"😀'))),
        ('created_at < "1970-01-01T08:00:01+08:00"', Compare(Field("created_at"), "<", Value(1000))),
    ],
)
def test_every_form_of_the_language_parses(text: str, tree: Expression) -> None:
    assert parse(text) == tree


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = (Compare(Field("price"), "<", Value(n)) for n in (1, 2, 3))
    assert parse("not price < 1 and price < 2 or price < 3") == Or((And((Not(a), b)), c))
    assert parse("not (price < 1 and (price < 2 or price < 3))") == Not(And((a, Or((b, c)))))


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "expected a field, a value, 'not' or '('"),
        ("prise < 50", 0, "unknown field 'prise'; did you mean 'price'"),
        ("price < 1 and catgory = 'x'", 14, "did you mean 'category'"),
        ('颜色 = "红"', 0, "attributes.颜色"),
        ("price < ", 8, "expected a value for price"),
        ('price < "50"', 8, "price is a number"),
        ("brand = Acme", 8, 'text goes in quotes: "Acme"'),
        ("brand = 3", 8, "brand is text"),
        ("brand = null", 8, "write 'is null'"),
        ("brand is nul", 9, "expected 'null' or 'not null' after 'is'"),
        ("brand not = 'A'", 10, "expected 'in' or 'under' after 'not'"),
        ("price", 5, "expected a comparison"),
        ("price < list_price", 8, "list_price is a field of the item"),
        ("brand = attributes.maker", 8, "attributes.maker is a field of the item"),
        ("50 > price", 3, "write the field first"),
        ("price == 5", 6, "write '='"),
        ("price < 5 && available", 10, "write 'and'"),
        ("price ≤ 5", 6, "write '<='"),
        ("brand = “红”", 8, "write '\"'"),
        ("price < 5 adn available", 10, "did you mean 'and'"),
        ("(price < 5", 10, "')' for the '(' at position 0"),
        ("price < 5)", 9, "expected 'and', 'or' or the end"),
        ("brand in ('A' 'B')", 14, "expected ',' or ')'"),
        ("brand in ('A', null)", 15, "write 'is null'"),
        ("brand in (3)", 10, "brand is text"),
        ("tags = 'x'", 5, 'write "…" in tags'),
        ("tags in ('x')", 8, 'write "…" in tags'),
        ("'x' in brand", 7, "brand holds one value"),
        ("available < true", 10, "have no order"),
        ("attributes.x < true", 13, "have no order"),
        ("category under '>'", 15, "is not a category path"),
        ("title under 'x'", 0, "title is not a path"),
        ("created_at > '2026-01-01'", 13, "with its offset"),
        ("brand = 'abc", 8, "no closing '"),
        (r"brand = '\q'", 9, r"unknown escape '\q'"),
        (r"brand = '\ud800'", 9, "half a surrogate pair"),
        (r"brand = '\u0000'", 9, "NUL"),
        ("price < 1e999", 8, "too large"),
        ("attributes.code = 12345678901234567", 18, "too long for a number"),
        ("price < 5 # cheap", 10, "unexpected character '#'"),
        ("user", 4, "'.' and a name after 'user'"),
        ("attributes.5", 11, "in quotes if it has spaces or signs"),
    ],
)
def test_a_mistake_is_named_with_its_position_and_what_was_expected(
    text: str, position: int, message: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text",
    ["(" * 65 + "available" + ")" * 65, "not " * 65 + "available", "(" * 9000, "not (" * 3000, "a.b" * 6000],
)
def test_too_deep_or_too_long_is_an_expression_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_sixty_four_levels_and_sixteen_kilobytes_still_parse() -> None:
    assert parse("(" * 64 + "available" + ")" * 64) == parse("available")
    assert str(parse("not " * 64 + "available")) == "not " * 64 + "available = true"
    wide = " or ".join(["price < 1"] * 1260)
    assert 16_000 < len(wide) <= 16 * 1024
    assert str(parse(wide)) == wide


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(ExpressionError, match="18009 bytes"):
        parse(f'brand="{"红" * 6000}" ')


@settings(deadline=None, max_examples=300)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            [*'()=<>!,."\'\\ ', "price", "tags", "user", "attributes", "and", "or", "not", "in", "under", "is", "null",
             "true", "5", "-", "1e3", '"红"', "'a'", "brand", " ", "（"]
        ),
        max_size=12,
    ).map(" ".join)
)  # fmt: skip
def test_any_text_is_an_expression_that_reads_back_or_a_placed_error(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert parse(str(tree)) == tree
