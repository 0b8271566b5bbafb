import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import ExpressionError
from recsys.expressions import parse
from recsys.expressions.fields import ITEM_FIELDS, FieldKind
from recsys.expressions.tree import (
    MAX_NESTING,
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

# Any text but the characters that the language refuses: half surrogate pairs (no text) and NUL.
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = anything.filter(bool) | st.sampled_from(
    ["color", "颜色", "a.b", "in", "null", "pack size", "1st", "-", '"']
)
opens = st.builds(lambda prefix, name: Field(prefix + name), st.sampled_from(["attributes.", "user."]), names)
user_fields = names.map(lambda name: Field(f"user.{name}"))
texts = anything.map(Value)
numbers = (st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)).map(Value)
values = texts | numbers | st.booleans().map(Value)
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def of_kind(*kinds: FieldKind) -> st.SearchStrategy[Field]:
    return st.sampled_from([Field(name) for name, kind in ITEM_FIELDS.items() if kind in kinds])


paths = anything.filter(lambda text: bool(text.strip(" \t\n\r\u00a0\u3000>"))).map(Value)
predicates = st.one_of(
    st.builds(Compare, opens, orders, texts | numbers | user_fields),
    st.builds(
        Compare, opens | of_kind(FieldKind.FLAG), st.sampled_from(["=", "!="]), st.booleans().map(Value)
    ),
    st.builds(Compare, of_kind(FieldKind.NUMBER, FieldKind.TIME), orders, numbers | user_fields),
    st.builds(Compare, of_kind(FieldKind.TEXT), orders, texts | user_fields),
    st.builds(In, opens, st.lists(values, max_size=4).map(tuple) | user_fields),
    st.builds(In, of_kind(FieldKind.TEXT), st.lists(texts, max_size=4).map(tuple) | user_fields),
    st.builds(Contains, values | user_fields, of_kind(FieldKind.SET)),
    st.builds(Contains, values, user_fields),
    st.builds(Under, opens | st.just(Field("category")), paths | user_fields),
    st.builds(IsNull, opens | st.sampled_from([Field(name) for name in ITEM_FIELDS])),
    st.builds(Constant, st.sampled_from([True, False, None])),
)
trees = st.recursive(
    predicates,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=400)
@given(trees)
def test_the_text_of_a_tree_parses_to_that_tree(tree: Expression) -> None:
    again = parse(str(tree))
    assert again == tree
    assert hash(again) == hash(tree)


@pytest.mark.parametrize(
    "text",
    [
        'brand not in ("A", "B")',
        '"热卖" not in tags',
        'category not under "家居 > 厨房"',
        "brand is not null",
        "not (price < 1 or price > 5)",
        "price < 1 or price < 2 and price < 3",
        "(price < 1 or price < 2) and price < 3",
        "not not available = true",
        'attributes."a b" = 1.5',
        'user.x != "\\"\\\\\\n"',
    ],
)
def test_canonical_text_stays_as_it_is(text: str) -> None:
    assert str(parse(text)) == text


def test_true_one_and_the_text_one_are_three_values() -> None:
    assert len({Value(True), Value(1), Value("1")}) == 3
    assert Value(1) == Value(1.0)


def test_a_tree_cannot_be_built_deeper_than_the_parser_reads() -> None:
    tree: Expression = Compare(Field("price"), "<", Value(1))
    for _ in range(MAX_NESTING):
        tree = Not(tree)
    assert parse(str(tree)) == tree
    with pytest.raises(ExpressionError, match="deeper than 64"):
        Not(tree)
    with pytest.raises(ExpressionError, match="deeper than 64"):
        Not(And((tree, tree)))


def test_a_misspelt_field_cannot_be_built() -> None:
    with pytest.raises(ExpressionError, match="did you mean 'price'"):
        Field("prise")


@pytest.mark.parametrize("bad", [lambda: And(()), lambda: Value(float("nan")), lambda: Value(float("inf"))])
def test_nodes_without_meaning_cannot_be_built(bad: object) -> None:
    with pytest.raises(ExpressionError):
        bad()  # type: ignore[operator]
