from pathlib import Path

import numpy as np

from recsys.columns import AttributeColumn, Dictionary, SetColumn, TextColumn


def test_text_numbers_and_booleans_have_codes_of_their_own() -> None:
    dictionary = Dictionary(["1", 1, True, 1.0, False, 0])
    assert list(dictionary.values) == ["1", 1, True, False, 0]
    assert [dictionary.code(value) for value in ("1", 1.0, True, 0, "true")] == [0, 1, 2, 4, -1]


def test_the_numbers_of_a_dictionary_grow_with_it() -> None:
    dictionary = Dictionary([2, "x", True])
    np.testing.assert_array_equal(dictionary.numbers, [2.0, np.nan, np.nan])
    dictionary.add(0.5)
    np.testing.assert_array_equal(dictionary.numbers, [2.0, np.nan, np.nan, 0.5])


def test_a_loaded_dictionary_still_grows(tmp_path: Path) -> None:
    Dictionary(["红", 2]).save(tmp_path)
    loaded = Dictionary.load(tmp_path)
    assert loaded.add("蓝") == 2
    assert list(loaded.values) == ["红", 2, "蓝"]


def test_a_text_column_changes_in_memory_and_leaves_its_file_alone(tmp_path: Path) -> None:
    TextColumn.build(["A", None, "A"]).save(tmp_path)
    column = TextColumn.load(tmp_path)
    column.put(1, "新")
    column.put(0, None)
    assert column.codes.tolist() == [-1, 1, 0]
    assert TextColumn.load(tmp_path).codes.tolist() == [0, -1, 0]


def test_a_set_column_finds_the_items_of_a_text(tmp_path: Path) -> None:
    column = SetColumn.build([("a", "红"), (), ("红", "红")])
    column.put(1, (), ("a", "new"))
    column.put(0, ("a", "红"), ("a",))
    column.save(tmp_path)
    for held in (column, SetColumn.load(tmp_path)):
        assert held.items_with("红").tolist() == [2]
        assert held.items_with("a").tolist() == [0, 1]
        assert held.items_with("new").tolist() == [1]
        assert held.items_with("?").tolist() == []


def test_columns_without_any_value_survive_saving(tmp_path: Path) -> None:
    SetColumn.build([(), ()]).save(tmp_path / "set")
    assert SetColumn.load(tmp_path / "set").items_with("a").tolist() == []
    AttributeColumn.save_all({}, tmp_path / "attributes")
    assert AttributeColumn.load_all(tmp_path / "attributes") == {}


def test_an_attribute_is_stored_for_the_items_that_have_it(tmp_path: Path) -> None:
    columns = AttributeColumn.build_all(
        [{"色": "红"}, {}, {"色": 2, "x": float("nan")}, {"色": "红", "y": True}]
    )
    assert set(columns) == {"色", "y"}
    columns["色"].put(1, "蓝")
    columns["色"].put(0, None)
    columns["色"].put(2, float("inf"))
    AttributeColumn.save_all(columns, tmp_path)
    for held in (columns, AttributeColumn.load_all(tmp_path)):
        codes = held["色"].codes_of(5).tolist()
        assert [None if code < 0 else held["色"].dictionary[code] for code in codes] == [
            None,
            "蓝",
            None,
            "红",
            None,
        ]
