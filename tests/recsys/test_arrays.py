"""Arrays and plain values come back as they were saved, mapped read-only, and a broken file is named."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import load_array, load_json, save_arrays, save_json
from recsys.errors import InputError, ReleaseCorrupt


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.int32).reshape(3, 4),
        np.zeros((0, 7), dtype=np.float32),
        np.float64(2.5),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["马克杯", "mug", ""]),
        np.array([True, False]),
    ],
)
def test_an_array_comes_back_with_its_values_shape_and_dtype(tmp_path: Path, array: np.ndarray) -> None:
    save_arrays(tmp_path / "new" / "folder", values=array)
    loaded = load_array(tmp_path / "new" / "folder", "values")
    assert loaded.shape == np.shape(array)
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)


def test_a_loaded_array_cannot_be_written_to(tmp_path: Path) -> None:
    save_arrays(tmp_path, values=np.arange(3))
    with pytest.raises(ValueError, match="read-only"):
        load_array(tmp_path, "values")[0] = 9


def test_a_mapped_reader_keeps_the_old_values_when_the_file_is_written_again(tmp_path: Path) -> None:
    save_arrays(tmp_path, values=np.arange(100_000))
    old = load_array(tmp_path, "values")
    save_arrays(tmp_path, values=np.zeros(3, dtype=np.int64))
    np.testing.assert_array_equal(old, np.arange(100_000))
    np.testing.assert_array_equal(load_array(tmp_path, "values"), [0, 0, 0])


def test_objects_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'second' holds Python objects"):
        save_arrays(tmp_path, first=np.arange(3), second=np.array([{}, []], dtype=object))
    assert list(tmp_path.iterdir()) == []


def test_a_pickled_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ReleaseCorrupt, match=r"values\.npy"):
        load_array(tmp_path, "values")
    (tmp_path / "other.npy").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ReleaseCorrupt, match=r"other\.npy"):
        load_array(tmp_path, "other")


def test_a_missing_or_truncated_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReleaseCorrupt, match=r"values\.npy"):
        load_array(tmp_path, "values")
    with pytest.raises(ReleaseCorrupt, match=r"names\.json"):
        load_json(tmp_path, "names")
    save_arrays(tmp_path, values=np.arange(1000))
    save_json(tmp_path, "names", ["a", "b"])
    for path in list(tmp_path.iterdir()):
        path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ReleaseCorrupt, match=r"values\.npy"):
        load_array(tmp_path, "values")
    with pytest.raises(ReleaseCorrupt, match=r"names\.json"):
        load_json(tmp_path, "names")


def test_json_keeps_chinese_readable_and_the_same_value_gives_the_same_bytes(tmp_path: Path) -> None:
    save_json(tmp_path, "one", {"类目": "家居 > 厨房", "a": [1, None, True]})
    save_json(tmp_path, "two", {"a": [1, None, True], "类目": "家居 > 厨房"})
    assert load_json(tmp_path, "one") == {"类目": "家居 > 厨房", "a": [1, None, True]}
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert "厨房" in (tmp_path / "one.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [float("nan"), {"x": {1, 2}}, [float("inf")], "half \ud83d"])
def test_a_value_json_cannot_hold_is_refused_and_leaves_the_old_file(tmp_path: Path, value: object) -> None:
    save_json(tmp_path, "kept", [1])
    with pytest.raises(InputError, match="'kept'"):
        save_json(tmp_path, "kept", value)
    assert json.loads((tmp_path / "kept.json").read_text()) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
