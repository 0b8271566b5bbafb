"""A small sealed release with nested, empty and several-chunk files, and the call that seals one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.arrays import save_arrays, save_json
from recsys.release import Manifest, seal

ABOUT: dict[str, Any] = {
    "config": {"factors": 64, "名称": "默认"},
    "metrics": {"ndcg@20": 0.31},
    "slices": {"new": {"ndcg@20": 0.05}},
    "data": {"start": 0, "end": 1_700_000_000_000, "hash": "abc"},
    "code_version": "0.1.0",
    "created_at": 1_700_000_000_000,
}


@pytest.fixture
def about() -> dict[str, Any]:
    return dict(ABOUT)


@pytest.fixture
def payload() -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        save_arrays(folder / "als", items=np.arange(64, dtype=np.float32).reshape(8, 8))
        save_json(folder, "titles", ["马克杯", "mug"])
        (folder / "empty.bin").write_bytes(b"")
        return folder

    return write


@pytest.fixture
def release(tmp_path: Path, payload: Callable[[Path], Path], about: dict[str, Any]) -> tuple[Path, Manifest]:
    folder = payload(tmp_path / "built")
    return folder, seal(folder, **about)
