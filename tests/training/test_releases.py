"""Release folders of a machine."""

import os
import time
from pathlib import Path

import pytest

from feature_store.online.contract import Pointer
from recsys.arrays import save_json
from recsys.release import read_manifest, seal, verify
from training.errors import UnknownReleaseError
from training.releases import Releases


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


def sealed(folder: Path, content: str, at: int = 0, ndcg: float = 0.1) -> Path:
    save_json(folder, "model", content)
    seal(
        folder,
        config={},
        metrics={"ndcg": ndcg},
        slices={},
        data={"until": at},
        code_version="1",
        created_at=at,
    )
    return folder


def test_a_kept_release_stands_whole_under_its_id(releases: Releases) -> None:
    with releases.scratch() as folder:
        target = releases.keep(sealed(folder, "杯"))
    assert verify(target).release_id == target.name
    assert releases.find(target.name) == target
    assert [path.name for path in releases.folder.iterdir()] == [target.name]


def test_scratch_that_was_not_kept_leaves_nothing(releases: Releases) -> None:
    with pytest.raises(RuntimeError, match="broken"), releases.scratch() as folder:
        sealed(folder, "x")
        raise RuntimeError("broken")
    assert list(releases.folder.iterdir()) == []
    assert releases.known() == []


def test_what_a_killed_run_left_yesterday_is_swept(releases: Releases) -> None:
    releases.folder.mkdir()
    for name, age in ((".fitting-yesterday", 90_000), (".fitting-now", 60)):
        (releases.folder / name).mkdir()
        os.utime(releases.folder / name, (time.time() - age,) * 2)
    with releases.scratch():
        assert not (releases.folder / ".fitting-yesterday").exists()
        assert (releases.folder / ".fitting-now").exists()


def test_other_users_may_read_a_release(releases: Releases) -> None:
    with releases.scratch() as folder:
        target = releases.keep(sealed(folder, "x"))
    assert target.stat().st_mode & 0o777 == 0o755


def test_releases_are_listed_oldest_first_and_other_folders_ignored(releases: Releases) -> None:
    names = []
    for at, content in ((5, "b"), (1, "a"), (9, "c")):
        with releases.scratch() as folder:
            names.append(releases.keep(sealed(folder, content, at)).name)
    (releases.folder / "notes").mkdir()
    sealed(releases.folder / "copied-by-hand", "z")
    assert releases.known() == [names[1], names[0], names[2]]


def test_an_equal_release_takes_the_new_figures_and_keeps_its_files(releases: Releases) -> None:
    with releases.scratch() as folder:
        first = releases.keep(sealed(folder, "x", ndcg=0.1))
    with releases.scratch() as folder:
        again = releases.keep(sealed(folder, "x", ndcg=0.2))
    assert first == again
    assert read_manifest(first).metrics == {"ndcg": 0.2}


def test_a_damaged_release_is_replaced_by_a_good_one(releases: Releases) -> None:
    with releases.scratch() as folder:
        target = releases.keep(sealed(folder, "x"))
    (target / "model.json").write_text("damaged")
    with releases.scratch() as folder:
        releases.keep(sealed(folder, "x"))
    verify(target)


def test_a_later_twin_replaces_the_one_before(releases: Releases) -> None:
    for until in (3, 4):
        with releases.scratch() as folder:
            twin = releases.keep_twin(sealed(folder, f"{until}", until), "a")
    assert releases.knowledge(twin) == {"until": 4}
    assert releases.knowledge(releases.twins / "b") == {}


def test_an_unknown_release_is_refused_with_what_there_is(releases: Releases) -> None:
    with pytest.raises(UnknownReleaseError, match="none yet; run: recsys train"):
        releases.find("0123456789abcdef")
    with releases.scratch() as folder:
        name = releases.keep(sealed(folder, "x")).name
    with pytest.raises(UnknownReleaseError, match=f"no release '../x' on this machine; there are: {name}"):
        releases.find("../x")


def test_the_pointer_is_read_back_and_a_damaged_one_is_none(releases: Releases) -> None:
    assert releases.pointer() is None
    releases.point(Pointer("b", "a", 7))
    assert releases.pointer() == Pointer("b", "a", 7)
    (releases.folder / "live.json").write_text('{"release_id": "b"}')
    assert releases.pointer() is None
