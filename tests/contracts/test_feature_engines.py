"""Every view on DuckDB and on Apache Spark: the same rows, numbers within 1e-9. Where Java or pyspark is missing the
suite is skipped; in CI that is a failure."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from feature_store.engines import Engine, Tables
from feature_store.engines.duck import DuckEngine
from feature_store.engines.spark import SparkEngine, missing_parts
from feature_store.log.parts import DAY
from feature_store.views.build import build_views, read_table
from feature_store.views.feature_view import Scope
from feature_store.views.gates import load_thresholds
from feature_store.views.point_in_time import training_rows
from feature_store.views.standard import VIEWS
from feature_store.views.testing import START, RandomShop, random_shop

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("spark"),
    # Spark's Python half and its gateway warn of deprecations and leave sockets to the collector.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkEngine]:
    if (missing := missing_parts()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with SparkEngine("local[2]", "1GB") as engine:
        yield engine


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckEngine]:
    with DuckEngine("1GB", 2, tmp_path_factory.mktemp("scratch")) as engine:
        yield engine


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> RandomShop:
    return random_shop(tmp_path_factory.mktemp("shop"), seed=2026, events=300, days=7)


def tables(engine: Engine, shop: RandomShop, until: int) -> Tables:
    return Tables(engine, shop.home, until, shop.edges, "personalize", ZoneInfo("Asia/Shanghai"))


def assert_same(one: pa.Table, other: pa.Table) -> None:
    assert one.schema == other.schema
    assert one.num_rows == other.num_rows
    for name in one.column_names:
        for left, right in zip(one[name].to_pylist(), other[name].to_pylist(), strict=True):
            if isinstance(left, float) and isinstance(right, float):
                assert math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9), (name, left, right)
            else:
                assert left == right, (name, left, right)


@pytest.mark.parametrize("name", list(VIEWS))
def test_a_view_is_the_same_on_both(
    name: str, shop: RandomShop, spark: SparkEngine, duck: DuckEngine
) -> None:
    until = START + 6 * DAY + DAY // 3
    found = [VIEWS[name].rows(Scope(tables(engine, shop, until))) for engine in (duck, spark)]
    assert found[0].num_rows > 0
    assert_same(*found)


def test_both_have_the_same_empty_tables(tmp_path: Path, spark: SparkEngine, duck: DuckEngine) -> None:
    empty = RandomShop(tmp_path, (), (), 0)
    for name in ("user_value", "session"):
        found = [VIEWS[name].rows(Scope(tables(engine, empty, START))) for engine in (duck, spark)]
        assert found[0].num_rows == 0
        assert_same(*found)


def test_stored_days_and_joins_as_of_a_time_are_the_same(
    shop: RandomShop, spark: SparkEngine, duck: DuckEngine
) -> None:
    view, cuts = VIEWS["user_value"], [START + 3 * DAY, START + 6 * DAY]
    built = []
    for engine in (duck, spark):
        build_views([view], tables(engine, shop, cuts[1]), load_thresholds(), full=True)
        built.append(read_table(shop.home, view, cuts[1]))
    assert_same(*built)
    asked = [
        ("u2", cuts[0] + 5),
        ("客户甲", cuts[1] - 1),
        ("u2", cuts[1]),
        ("nobody", cuts[1]),
        ("u2", START),
    ]
    questions = pa.table({"user_id": [user for user, _ in asked], "at": [at for _, at in asked]})
    joined = [
        training_rows(view, questions, cuts, lambda cut, engine=engine: tables(engine, shop, cut))  # type: ignore[misc]
        for engine in (duck, spark)
    ]
    assert joined[0]["feature_until"].null_count == 2
    assert_same(*joined)
