"""One meaning of the filter language: the reference evaluator, numpy masks and Ibis on DuckDB agree.

Items and filters are drawn from small pools, so that they meet: nulls, values of mixed types, Chinese text, category
paths with odd white space, promotions, several offers, and shoppers whose attributes are missing or lists.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import numpy as np
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


def named(drawn: Sequence[Item]) -> list[Item]:
    from dataclasses import replace

    return [replace(item, item_id=f"{'商品' if n % 2 else 'item'}-{n}") for n, item in enumerate(drawn)]


catalogues = st.lists(items, min_size=1, max_size=8).map(named)
ARROW = {
    FieldKind.TEXT: pa.string(),
    FieldKind.NUMBER: pa.float64(),
    FieldKind.TIME: pa.int64(),
    FieldKind.FLAG: pa.bool_(),
    FieldKind.SET: pa.list_(pa.string()),
}


@pytest.fixture(scope="module")
def duck() -> Any:
    return ibis.duckdb.connect()


def item_table(rows: Sequence[Item]) -> pa.Table:
    plain = [item_fields(item, NOW) for item in rows]
    columns = {
        name: pa.array([row[name] for row in plain], ARROW[kind]) for name, kind in ITEM_FIELDS.items()
    }
    documents = [
        json.dumps(dict(item.attributes), ensure_ascii=False) if item.attributes else None for item in rows
    ]
    return pa.table({**columns, "attributes": pa.array(documents, pa.string())})


def by_duckdb(duck: Any, table: pa.Table, asked: Sequence[Expression]) -> list[list[Any]]:
    source = ibis.memtable(table)
    columns = {f"answer{n}": to_ibis(expression, source) for n, expression in enumerate(asked)}
    answers = duck.to_pyarrow(source.select(**columns))
    return [column.to_pylist() for column in answers.columns]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(catalogues, st.lists(expressions, min_size=6, max_size=12), users)
def test_masks_and_duckdb_keep_what_the_reference_evaluator_keeps(
    duck: Any, rows: list[Item], asked: list[Expression], user: User
) -> None:
    catalogue = Catalogue.build(rows)
    expected = [[evaluate(one, item_fields(item, NOW), user) is True for item in rows] for one in asked]
    masks = [item_mask(one, catalogue, user, as_of=NOW).tolist() for one in asked]
    queried = by_duckdb(duck, item_table(rows), [fold_user(one, user) for one in asked])
    for one, wanted, mask, query in zip(asked, expected, masks, queried, strict=True):
        assert mask == wanted, f"numpy: {one}"
        assert query == wanted, f"duckdb: {one}"
