import numpy as np

from feature_store.simulator.ids import id_column, item_id, sku, user_id

NUMBERS = np.array([0, 7, 1_234, 999_999_999], dtype=np.int64)


def test_a_column_holds_the_same_ids_as_the_single_functions() -> None:
    assert id_column("u", NUMBERS).to_pylist() == [user_id(int(n)) for n in NUMBERS]
    assert id_column("i", NUMBERS).to_pylist() == [item_id(int(n)) for n in NUMBERS]
    variants = np.array([0, 1, 2, 999], dtype=np.int64)
    expected = [sku(int(n), int(v)) for n, v in zip(NUMBERS, variants, strict=True)]
    assert id_column("i", NUMBERS, variants).to_pylist() == expected


def test_ids_look_as_documented() -> None:
    assert (user_id(12), item_id(12), sku(12, 3)) == ("u000000012", "i000000012", "i000000012-003")


def test_rows_that_are_not_valid_are_null() -> None:
    column = id_column("u", NUMBERS, valid=np.array([True, False, True, False]))
    assert column.to_pylist() == ["u000000000", None, "u000001234", None]
    assert column.null_count == 2


def test_an_empty_column_is_a_string_column() -> None:
    column = id_column("u", NUMBERS[:0], valid=np.zeros(0, dtype=np.bool_))
    assert column.to_pylist() == []
    column.validate(full=True)
