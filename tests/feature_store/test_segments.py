"""Agreement with the reference evaluator is a contract of its own (tests/contracts/test_filter_evaluators.py)."""

from typing import Any

import ibis
import pyarrow as pa
import pytest

from feature_store.records.codec import users_to_table
from feature_store.segments import to_ibis
from recsys.errors import InputError
from recsys.expressions import parse
from recsys.expressions.tree import Compare, Field, Value
from recsys.types import User

USERS = [
    User(
        user_id="gold",
        attributes={"tier": "gold", "age": 30, "会员": True, "pack size": "大", "a*": 1, "ab": 2},
    ),
    User(user_id="text", attributes={"tier": "at_risk", "age": "30"}),
    User(user_id="plain"),
    User(user_id="list", attributes={"tags": ["vip", "新"], "tier": None}),  # type: ignore[dict-item]
    User(user_id="quote", attributes={"tier": "' or 1=1 --", "nested": {"a": 1}}),  # type: ignore[dict-item]
]


@pytest.fixture(scope="module")
def duck() -> Any:
    return ibis.duckdb.connect()


def kept(duck: Any, text: str) -> set[str]:
    shoppers = ibis.memtable(users_to_table(USERS).rename_columns({"attributes": "user"}))
    return set(duck.to_pyarrow(shoppers.filter(to_ibis(parse(text), shoppers)))["user_id"].to_pylist())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('user.tier = "gold"', {"gold"}),
        ('user.tier != "gold"', {"text", "quote"}),
        ("user.tier is null", {"plain", "list"}),
        ('user.tier = "\' or 1=1 --"', {"quote"}),
        ("user.age >= 18", {"gold"}),
        ("not user.age >= 18", set()),
        ('user.age = "30"', {"text"}),
        ("user.会员", {"gold"}),
        ('user."pack size" = "大"', {"gold"}),
        ('user."a*" = 1', {"gold"}),
        ('user."a*" = 2', set()),
        ('"vip" in user.tags', {"list"}),
        ('user.tags in ("a", "新")', {"list"}),
        ('user.tags = "vip" or user.tags != "vip"', set()),
        ('"x" not in user.tags', {"list"}),
        ("user.nested is null", {"gold", "text", "plain", "list", "quote"}),
        ("user.nobody is null and true", {"gold", "text", "plain", "list", "quote"}),
    ],
)
def test_a_segment_holds_the_shoppers_that_its_expression_keeps(
    duck: Any, text: str, names: set[str]
) -> None:
    assert kept(duck, text) == names


ITEMS = pa.table(
    {
        "item_id": ["a", "b", "c"],
        "category": ["家居　>　厨房", "家居用书", None],
        "price": [1, 5, None],
        "stock": [None, 0.0, float("nan")],
        "available": [True, None, False],
        "tags": pa.array([["热卖"], [], None], pa.list_(pa.string())),
        "attributes.色": ["红", "蓝", None],
        "rating": pa.nulls(3),
    }
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('category under "家居"', ["a"]),
        ('category not under "家居"', ["b"]),
        ("price < 5", ["a"]),
        ("not price < 5", ["b"]),
        ("available", ["a"]),
        ("stock > 0", ["a"]),
        ("stock = 0", ["b", "c"]),
        ("stock is null", ["a", "c"]),
        ('"热卖" not in tags', ["b"]),
        ("tags is null", ["c"]),
        ('attributes.色 in ("红", "蓝")', ["a", "b"]),
        ("attributes.other is null", ["a", "b", "c"]),
        ("rating > 3 or rating is null", ["a", "b", "c"]),
    ],
)
def test_a_table_of_items_has_a_column_per_field(duck: Any, text: str, names: list[str]) -> None:
    items = ibis.memtable(ITEMS)
    assert duck.to_pyarrow(items.filter(to_ibis(parse(text), items)))["item_id"].to_pylist() == names


def test_the_column_is_never_null(duck: Any) -> None:
    items = ibis.memtable(ITEMS)
    asked = [
        "price < 5",
        "not price < 5",
        'category under "家居"',
        '"热卖" in tags',
        "null",
        'attributes.色 < "蓝"',
    ]
    columns = {f"answer{n}": to_ibis(parse(text), items) for n, text in enumerate(asked)}
    answers = duck.to_pyarrow(items.select(**columns))
    assert {name: answers[name].null_count for name in columns} == dict.fromkeys(columns, 0)


def test_a_column_that_the_table_lacks_is_named() -> None:
    with pytest.raises(InputError, match=r"no column 'brand'.*item_id, category"):
        to_ibis(parse('brand = "A"'), ibis.memtable(ITEMS))


def test_a_column_that_filters_cannot_read_is_named_with_its_type() -> None:
    moments = ibis.memtable(pa.table({"created_at": pa.array([0], pa.timestamp("ms"))}))
    with pytest.raises(InputError, match="'created_at' of type timestamp"):
        to_ibis(parse("created_at > 5"), moments)


def test_a_shopper_on_both_sides_must_be_folded_first() -> None:
    with pytest.raises(TypeError, match="fold_user"):
        to_ibis(parse("price < user.budget"), ibis.memtable(ITEMS))


def test_several_texts_equal_nothing(duck: Any) -> None:
    items = ibis.memtable(ITEMS)
    for operator in ("=", "!="):
        flags = to_ibis(Compare(Field("tags"), operator, Value("热卖")), items)  # type: ignore[arg-type]
        assert duck.to_pyarrow(items.filter(flags)).num_rows == 0


def test_the_longest_and_the_deepest_filter_still_run(duck: Any) -> None:
    items = ibis.memtable(ITEMS)
    deep = "price < 1"
    for n in range(63):
        deep = f"(price < {n} and {deep} or stock > {n})"
    for text in (deep, " or ".join(["price < 2"] * 1200)):
        flags = to_ibis(parse(text), items)
        assert duck.to_pyarrow(items.filter(flags))["item_id"].to_pylist()[0] == "a"
