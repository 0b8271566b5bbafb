"""Room behind the rows of a file: the file is shared and never written, the rows behind it are there."""

from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import load_array, save_arrays
from recsys.errors import ReleaseCorrupt
from recsys.room import load_with_room, room_for


@pytest.mark.parametrize("rows", [0, 1, 3, 9_000, 20_000, 20_003])
def test_rows_are_those_of_the_file_and_then_zeros(tmp_path: Path, rows: int) -> None:
    vectors = np.random.default_rng(rows).standard_normal((rows, 64)).astype(np.float32)
    save_arrays(tmp_path, vectors=vectors)
    found = load_with_room(tmp_path, "vectors", 700)
    assert found.shape == (rows + 700, 64)
    np.testing.assert_array_equal(found[:rows], vectors)
    assert not found[rows:].any()


def test_what_is_written_stays_in_this_process(tmp_path: Path) -> None:
    vectors = np.ones((20_003, 64), np.float32)
    save_arrays(tmp_path, vectors=vectors)
    mine, other = (load_with_room(tmp_path, "vectors", 500) for _ in range(2))
    mine[7], mine[20_002:] = 5, 6
    assert (mine[7] == 5).all() and (mine[-1] == 6).all() and (mine[20_002] == 6).all()
    np.testing.assert_array_equal(other[:20_003], vectors)
    assert not other[20_003:].any()
    np.testing.assert_array_equal(load_array(tmp_path, "vectors"), vectors)


def test_pages_nobody_wrote_to_stay_shared_with_the_file(tmp_path: Path) -> None:
    save_arrays(tmp_path, vectors=np.ones((40_000, 64), np.float32))
    found = load_with_room(tmp_path, "vectors", 8_000)
    assert found[:40_000].sum() == 40_000 * 64
    assert own_kib(found) < 100
    found[40_000:44_000] = 1
    assert 900 < own_kib(found) < 1_300


def test_an_array_outlives_its_file(tmp_path: Path) -> None:
    save_arrays(tmp_path, vectors=np.full((20_000, 64), 3, np.float32))
    part = load_with_room(tmp_path, "vectors", 10)[19_999:]
    (tmp_path / "vectors.npy").unlink()
    assert part[0].sum() == 3 * 64 and not part[1:].any()


def test_a_missing_file_says_which(tmp_path: Path) -> None:
    with pytest.raises(ReleaseCorrupt, match="vectors"):
        load_with_room(tmp_path, "vectors", 5)


def test_room_is_a_fifth_within_bounds() -> None:
    assert [room_for(items) for items in (10, 100_000, 5_000_000)] == [1_000, 20_000, 50_000]


def own_kib(array: np.ndarray) -> int:
    """Memory in KiB of the pages an array lies in that is no file's."""
    start = array.__array_interface__["data"][0]
    end, kib, inside = start + array.nbytes, 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            low, high = (int(edge, 16) for edge in words[0].split("-"))
            inside = low < end and high > start
        elif inside and words[0] == "Anonymous:":
            kib += int(words[1])
    return kib
