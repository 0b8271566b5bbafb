from typing import Any

import pyarrow as pa

from feature_store.records.event_columns import rows_to_table
from feature_store.records.row_ids import RowIds

SALE = {
    "type": "purchase",
    "timestamp": 1_764_000_000_000,
    "user_id": "客户",
    "item_id": "i",
    "price": 0.1 + 0.2,
}


def ids(*rows: dict[str, Any], by: RowIds | None = None) -> list[str]:
    filled: list[str] = (by or RowIds()).fill(rows_to_table(rows)).column("event_id").to_pylist()
    return filled


def test_the_id_of_a_content_never_changes() -> None:
    # Written into shops' logs: another value here would import every file a second time.
    assert ids(SALE) == ["row-21dd50010d80be4db4d1f56e7af0937b"]


def test_equal_rows_of_a_file_get_an_ordinal() -> None:
    first, second, third = ids(SALE, SALE, SALE)
    assert (second, third) == (f"{first}-1", f"{first}-2")


def test_ordinals_go_on_from_portion_to_portion() -> None:
    other = {**SALE, "item_id": "j"}
    by = RowIds()
    portions = [ids(SALE, other, by=by), ids(other, SALE, SALE, by=by)]
    assert [name for portion in portions for name in portion] == ids(SALE, other, other, SALE, SALE)


def test_a_new_file_counts_from_the_start() -> None:
    assert ids(SALE, SALE) == ids(SALE, SALE)


def test_any_other_content_gives_another_id() -> None:
    variants = [
        SALE,
        {**SALE, "price": 0.3},
        {**SALE, "price": None},
        {**SALE, "price": 0.0},
        {**SALE, "item_id": None, "sku": "i"},
        {**SALE, "user_id": "客", "session_id": "户"},
        {**SALE, "context": {"a": 1}},
        {**SALE, "test": True},
        {**SALE, "position": 1},
    ]
    assert len(set(ids(*variants))) == len(variants)


def test_rows_with_an_id_keep_it_and_do_not_count() -> None:
    named = {**SALE, "event_id": "mine"}
    assert ids(named, SALE, named) == ["mine", *ids(SALE), "mine"]


def test_no_rows_are_no_trouble() -> None:
    assert isinstance(RowIds().fill(rows_to_table([])), pa.Table)
