"""One meaning of the filter language: the reference evaluator, numpy masks and Ibis on DuckDB agree.

Items and filters are drawn from small pools, so that they meet: nulls, values of mixed types, Chinese text, category
paths with odd white space, promotions, several offers, and shoppers whose attributes are missing or lists.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from feature_store.segments import to_ibis
from recsys.catalogue import Catalogue
from recsys.expressions import Expression, evaluate, fields, fold_user, parse
from recsys.expressions.fields import ITEM_FIELDS, FieldKind
from recsys.expressions.tree import And, Compare, Constant, Contains, Field, In, IsNull, Not, Or, Under, Value
from recsys.offers import item_fields
from recsys.rules import item_mask
from recsys.types import Item, Offer, Promo
from recsys.vocabulary import Vocabulary

NOW = 1_700_000_000_000
User = Mapping[str, object]

PATHS = [
    "Home",
    "Home > Kitchen",
    "Home>Kitchen>Mugs",
    " Home >\tKitchen ",
    "Homeware",
    "家居 > 厨房",
    "家居　>　厨房 > 杯子",
    "Home > > Mugs",
    ">",
    "",
]
TEXTS = ["A", "B", "b", "红", "红色", "1", "true", "", "é", '它\'s "x"\\', "👜", "％_", "Ａ"]
NUMBERS = [0, 1, -1, 2, 0.5, 1.0, 10, 99.9, 1e-7, 3_000_000_000]
MOMENTS = [NOW - 1, NOW, NOW + 1, 0]
ATTRIBUTES = ["color", "尺寸", "pack size", "a*", "a.b", "n"]
USER_KEYS = ["tier", "tags", "预算", "top category", "x"]
TEXT_FIELDS = [name for name, kind in ITEM_FIELDS.items() if kind is FieldKind.TEXT]
NUMBER_FIELDS = [name for name, kind in ITEM_FIELDS.items() if kind is FieldKind.NUMBER]

texts = st.sampled_from(TEXTS)
paths = st.sampled_from(PATHS)
numbers = st.sampled_from(NUMBERS)
scalars = st.one_of(texts, numbers, st.booleans(), paths)
user_fields = st.sampled_from(USER_KEYS).map(lambda name: Field(f"user.{name}"))
open_fields = st.sampled_from(ATTRIBUTES).map(lambda name: Field(f"attributes.{name}"))
item_fields_ = st.sampled_from(list(ITEM_FIELDS)).map(Field)
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
EQUALS = ["=", "!="]


def values_for(field: Field) -> st.SearchStrategy[Value]:
    """Values the parser allows beside a field."""
    if field.name == "kind":
        return st.sampled_from(["product", "content", "x"]).map(Value)
    if field.name == "item_id":
        return st.sampled_from(["item-0", "item-3", "商品-1", "?"]).map(Value)
    by_kind: dict[FieldKind, st.SearchStrategy[Any]] = {
        FieldKind.TEXT: texts | paths,
        FieldKind.NUMBER: numbers,
        FieldKind.TIME: st.sampled_from(MOMENTS),
        FieldKind.FLAG: st.booleans(),
        FieldKind.SET: texts,
        FieldKind.OPEN: scalars,
    }
    return by_kind[field.kind].map(Value)


@st.composite
def comparisons(draw: st.DrawFn) -> Expression:
    field = draw(
        st.one_of(item_fields_, open_fields, user_fields).filter(lambda f: f.kind is not FieldKind.SET)
    )
    operand = draw(values_for(field) | user_fields)
    boolean = field.kind is FieldKind.FLAG or (isinstance(operand, Value) and operand.type == "boolean")
    return Compare(field, draw(st.sampled_from(EQUALS) if boolean else orders), operand)


@st.composite
def memberships(draw: st.DrawFn) -> Expression:
    field = draw(st.one_of(item_fields_, open_fields, user_fields))
    if field.kind is FieldKind.SET:
        return Contains(draw(values_for(field) | user_fields), field)
    if field.of_user and draw(st.booleans()):
        return Contains(draw(scalars.map(Value)), field)
    options = draw(st.lists(values_for(field), max_size=4).map(tuple) | user_fields)
    return In(field, options)


unders = st.builds(
    Under,
    st.just(Field("category")) | open_fields | user_fields,
    st.sampled_from([path for path in PATHS if path.strip(" >")]).map(Value) | user_fields,
)
nulls = st.builds(IsNull, st.one_of(item_fields_, open_fields, user_fields))
constants = st.builds(Constant, st.sampled_from([True, False, None]))
predicates = st.one_of(comparisons(), comparisons(), memberships(), unders, nulls, constants)
expressions = st.recursive(
    predicates,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=4).map(tuple)),
    ),
    max_leaves=6,
)

moments = st.none() | st.sampled_from(MOMENTS)
promos = st.builds(Promo, price=numbers, start=moments, end=moments)
money = st.none() | st.sampled_from([0.0, 0.5, 1.0, 10.0, 99.9])
offers = st.lists(
    st.builds(
        Offer,
        sku=st.sampled_from("abc"),
        price=money,
        list_price=money,
        cost=money,
        promo=st.none() | promos,
        stock=st.sampled_from([None, 0.0, 1.0, 10.0, -1.0]),
        available=st.booleans(),
    ),
    max_size=3,
).map(tuple)
items = st.builds(
    Item,
    item_id=st.just(""),
    kind=st.sampled_from(["product", "product", "content"]),
    titles=st.dictionaries(st.sampled_from(["zh", "en"]), texts, max_size=2),
    category=st.none() | paths,
    brand=st.none() | texts,
    seller_id=st.none() | texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    restricted=st.lists(texts, max_size=1).map(tuple),
    attributes=st.dictionaries(st.sampled_from([*ATTRIBUTES, "rating"]), scalars, max_size=4),
    created_at=st.none() | st.sampled_from(MOMENTS),
    offers=offers,
)
users = st.dictionaries(
    st.sampled_from(USER_KEYS), st.one_of(scalars, st.none(), st.lists(texts, max_size=3))
)


ARROW = {
    FieldKind.TEXT: pa.string(),
    FieldKind.NUMBER: pa.float64(),
    FieldKind.TIME: pa.int64(),
    FieldKind.FLAG: pa.bool_(),
    FieldKind.SET: pa.list_(pa.string()),
}
# Explaining a failure traces every line of two SQL engines; shrinking is enough.
fast = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


def named(drawn: Sequence[Item]) -> list[Item]:
    return [replace(item, item_id=f"{'商品' if n % 2 else 'item'}-{n}") for n, item in enumerate(drawn)]


def catalogues(smallest: int, largest: int) -> st.SearchStrategy[list[Item]]:
    return st.lists(items, min_size=smallest, max_size=largest).map(named)


@pytest.fixture(scope="module")
def duck() -> Any:
    return ibis.duckdb.connect()


def document(values: Mapping[str, object]) -> str | None:
    return json.dumps(dict(values), ensure_ascii=False) if values else None


def item_table(rows: Sequence[Item]) -> pa.Table:
    plain = [item_fields(item, NOW) for item in rows]
    columns = {
        name: pa.array([row[name] for row in plain], ARROW[kind]) for name, kind in ITEM_FIELDS.items()
    }
    return pa.table(
        {**columns, "attributes": pa.array([document(item.attributes) for item in rows], pa.string())}
    )


def by_duckdb(duck: Any, table: pa.Table, asked: Sequence[Expression]) -> list[list[Any]]:
    source = ibis.memtable(table)
    columns = {f"answer{n}": to_ibis(expression, source) for n, expression in enumerate(asked)}
    answers = duck.to_pyarrow(source.select(**columns))
    return [column.to_pylist() for column in answers.columns]


@settings(fast, max_examples=150)
@given(catalogues(1, 8), st.lists(expressions, min_size=4, max_size=12), users)
def test_masks_keep_what_the_reference_evaluator_keeps(
    rows: list[Item], asked: list[Expression], user: User
) -> None:
    catalogue = Catalogue.build(rows)
    for one in asked:
        wanted = [evaluate(one, item_fields(item, NOW), user) is True for item in rows]
        assert item_mask(one, catalogue, user, as_of=NOW).tolist() == wanted, str(one)


@settings(fast, max_examples=50)
@given(catalogues(1, 8), catalogues(1, 8), st.lists(expressions, min_size=4, max_size=8), users)
def test_masks_after_updates_keep_what_a_new_catalogue_would(
    rows: list[Item], newer: list[Item], asked: list[Expression], user: User
) -> None:
    catalogue = Catalogue.build(rows, Vocabulary(item.item_id for item in named([Item(item_id="")] * 8)))
    for item in newer:
        catalogue.update(item)
    now = {item.item_id: item for item in (*rows, *newer)}
    for one in asked:
        mask = item_mask(one, catalogue, user, as_of=NOW)
        assert mask[len(now) :].sum() == 0
        for identifier, item in now.items():
            kept = evaluate(one, item_fields(item, NOW), user) is True
            assert mask[catalogue.vocabulary.code(identifier)] == kept, str(one)


@settings(fast, max_examples=25)
@given(catalogues(15, 30), st.lists(expressions, min_size=4, max_size=10), users)
def test_duckdb_keeps_what_the_reference_evaluator_keeps(
    duck: Any, rows: list[Item], asked: list[Expression], user: User
) -> None:
    answers = by_duckdb(duck, item_table(rows), [fold_user(one, user) for one in asked])
    for one, kept in zip(asked, answers, strict=True):
        assert kept == [evaluate(one, item_fields(item, NOW), user) is True for item in rows], str(one)


user_predicates = st.one_of(
    st.builds(Compare, user_fields, st.sampled_from(EQUALS), scalars.map(Value)),
    st.builds(Compare, user_fields, orders, (texts | numbers).map(Value)),
    st.builds(In, user_fields, st.lists(scalars.map(Value), max_size=3).map(tuple)),
    st.builds(Contains, scalars.map(Value), user_fields),
    st.builds(IsNull, user_fields),
)
segments = st.one_of(
    user_predicates,
    st.builds(Not, user_predicates),
    st.builds(And, st.tuples(user_predicates, user_predicates)),
    st.builds(Not, st.builds(Or, st.tuples(user_predicates, user_predicates))),
)


@settings(fast, max_examples=15)
@given(st.lists(users, min_size=10, max_size=25), st.lists(segments, min_size=4, max_size=10))
def test_a_segment_over_a_table_of_shoppers_is_the_evaluator_for_each(
    duck: Any, shoppers: list[User], asked: list[Expression]
) -> None:
    table = pa.table({"user": pa.array([document(user) for user in shoppers], pa.string())})
    for one, kept in zip(asked, by_duckdb(duck, table, asked), strict=True):
        assert kept == [evaluate(one, {}, user) is True for user in shoppers], str(one)


@settings(fast, max_examples=200)
@given(expressions, items, users)
def test_folding_the_shopper_in_changes_no_outcome(expression: Expression, item: Item, user: User) -> None:
    folded = fold_user(expression, user)
    plain = item_fields(item, NOW)
    assert not any(name.startswith("user.") for name in fields(folded))
    assert evaluate(folded, plain) is evaluate(expression, plain, user)


@settings(fast, max_examples=200)
@given(expressions)
def test_the_text_of_an_expression_means_the_same_expression(expression: Expression) -> None:
    assert parse(str(expression)) == expression
