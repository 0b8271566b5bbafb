"""A shopper hidden in a file is found in every form it may take; a clean release is clean."""

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import save_arrays, save_json
from recsys.models.text import TextModel, describe
from recsys.release import seal
from recsys.retrieval.faiss_index import FaissIndex
from recsys.testing import ShopSize, build_shop, files_naming, files_shaped
from recsys.vocabulary import Vocabulary

SHOPPER = "shopper-9f00a7-17"


def write_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "leak.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ids.txt", f"{SHOPPER}\n" * 100)


LEAKS = {
    "JSON": lambda folder: save_json(folder, "leak", {"users": [SHOPPER]}),
    "text array": lambda folder: save_arrays(folder, leak=np.array(["x", SHOPPER])),
    "big-endian text array": lambda folder: save_arrays(folder, leak=np.array([SHOPPER]).astype(">U20")),
    "bytes array": lambda folder: save_arrays(folder, leak=np.array([SHOPPER.encode()])),
    "vocabulary": lambda folder: Vocabulary(["a", SHOPPER, "b"]).save(folder),
    "gzip": lambda folder: (folder / "leak.gz").write_bytes(gzip.compress(SHOPPER.encode() * 50)),
    "zip": write_zip,
    "file name": lambda folder: (folder / f"{SHOPPER}.bin").write_bytes(b""),
    "hidden file": lambda folder: (folder / ".leak").write_text(SHOPPER),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_shopper_is_found_in_every_kind_of_file(tmp_path: Path, leak: str) -> None:
    save_json(tmp_path, "clean", ["shopper-other"])
    LEAKS[leak](tmp_path)
    found = files_naming(tmp_path, [SHOPPER])
    assert found
    assert "clean.json" not in found


def test_a_chinese_id_is_found_escaped_and_plain(tmp_path: Path) -> None:
    (tmp_path / "escaped.json").write_text(json.dumps(["买家九号"]))
    (tmp_path / "plain.json").write_text("买家九号", encoding="utf-8")
    assert files_naming(tmp_path, ["买家九号"]) == ["escaped.json", "plain.json"]


def test_arrays_with_a_row_or_column_per_shopper_are_found(tmp_path: Path) -> None:
    save_arrays(tmp_path / "als", items=np.zeros((40, 8)), users=np.zeros((97, 8)), sums=np.zeros((8, 97)))
    save_arrays(tmp_path, offsets=np.zeros(98))
    assert files_shaped(tmp_path, 97) == ["als/sums.npy", "als/users.npy", "offsets.npy"]


def test_a_release_of_item_models_holds_no_shopper(tmp_path: Path) -> None:
    shop = build_shop(seed=2, size=ShopSize(users=97))
    TextModel.fit([describe(item) for item in shop.items], seed=1).save(tmp_path / "text")
    FaissIndex.build(np.ones((len(shop.items), 8), dtype=np.float32)).save(tmp_path / "index")
    shop.interactions.items.save(tmp_path / "items")
    seal(tmp_path, config={}, metrics={}, slices={}, data={}, code_version="0", created_at=0)
    assert files_naming(tmp_path, ["shopper-", *(user.user_id for user in shop.users)]) == []
    assert files_shaped(tmp_path, 97) == []
