"""A release travels byte for byte; a damaged, half-carried or hostile stored copy never becomes a folder."""

import json
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.arrays import load_array
from recsys.errors import InputError, ReleaseCorrupt, ReleaseError, ReleaseIncompatible, UnavailableError
from recsys.release import (
    CHUNK_BYTES,
    BlobStore,
    Manifest,
    MemoryBlobStore,
    annotate,
    find_manifest,
    forget,
    list_releases,
    pull,
    push,
    seal,
    verify,
)

Built = tuple[Path, Manifest]


class FolderStore:
    """A store that two processes can share: one file per key."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> bytes | None:
        path = self.root / key.encode().hex()
        return path.read_bytes() if path.exists() else None

    def put(self, key: str, value: bytes) -> None:
        (self.root / key.encode().hex()).write_bytes(value)

    def delete(self, key: str) -> None:
        (self.root / key.encode().hex()).unlink(missing_ok=True)

    def keys(self, prefix: str) -> list[str]:
        names = (bytes.fromhex(path.name).decode() for path in self.root.iterdir())
        return [name for name in names if name.startswith(prefix)]


class Recording(MemoryBlobStore):
    """Keeps the order of changes, and can go away after a number of writes."""

    def __init__(self, writes: int | None = None) -> None:
        super().__init__()
        self.writes = writes
        self.log: list[tuple[str, str]] = []

    def put(self, key: str, value: bytes) -> None:
        if self.writes is not None and len(self.log) >= self.writes:
            raise UnavailableError("the store is away")
        self.log.append(("put", key))
        super().put(key, value)

    def delete(self, key: str) -> None:
        self.log.append(("delete", key))
        super().delete(key)


@pytest.fixture
def store() -> Recording:
    return Recording()


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def big_release(folder: Path, about: dict[str, Any], size: int) -> Manifest:
    folder.mkdir()
    (folder / "big.bin").write_bytes(np.random.default_rng(1).bytes(size))
    return seal(folder, **about)


def test_a_release_is_pulled_as_it_was_pushed(release: Built, store: Recording, tmp_path: Path) -> None:
    folder, manifest = release
    assert push(folder, store) == manifest
    pulled = pull(manifest.release_id, store, tmp_path / "releases")
    assert pulled == tmp_path / "releases" / manifest.release_id
    assert contents(pulled) == contents(folder)
    assert verify(pulled) == manifest
    np.testing.assert_array_equal(load_array(pulled / "als", "items"), load_array(folder / "als", "items"))


def test_keys_are_the_documented_ones_and_the_manifest_is_written_last(
    release: Built, store: Recording
) -> None:
    folder, manifest = release
    push(folder, store)
    prefix = f"release:{manifest.release_id}:"
    assert store.log == [
        ("put", f"{prefix}file:als/items.npy:0"),
        ("put", f"{prefix}file:titles.json:0"),
        ("put", f"{prefix}manifest"),
    ]


def test_a_big_file_travels_in_chunks_of_eight_mebibytes(
    store: Recording, tmp_path: Path, about: dict[str, Any]
) -> None:
    manifest = big_release(tmp_path / "big", about, 2 * CHUNK_BYTES + 5)
    push(tmp_path / "big", store)
    prefix = f"release:{manifest.release_id}:file:big.bin:"
    sizes = [len(store.get(f"{prefix}{number}") or b"") for number in range(3)]
    assert sizes == [CHUNK_BYTES, CHUNK_BYTES, 5]
    assert len(store.keys(prefix)) == 3
    pulled = pull(manifest.release_id, store, tmp_path / "releases")
    assert contents(pulled) == contents(tmp_path / "big")


@given(
    files=st.dictionaries(
        st.from_regex(r"\A[a-z]{1,3}\.bin\Z"), st.binary(max_size=40), min_size=1, max_size=4
    )
)
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("chunk", [1, 7, 40])
def test_any_files_survive_any_chunk_size(files: dict[str, bytes], chunk: int) -> None:
    store = MemoryBlobStore()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "built"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        manifest = seal(folder, config={}, metrics={}, slices={}, data={}, code_version="0", created_at=0)
        push(folder, store)
        recut(store, chunk)
        assert contents(pull(manifest.release_id, store, Path(root) / "releases")) == contents(folder)


def recut(store: MemoryBlobStore, size: int) -> None:
    """Store the same files in chunks of another size, as another version of the code might have cut them."""
    for key in store.keys("release:"):
        if key.endswith(":0"):
            content = store.get(key) or b""
            for number in range(0, len(content), size):
                store.put(f"{key[:-1]}{number // size}", content[number : number + size])


def test_pushing_twice_changes_nothing_and_repairs_a_damaged_chunk(release: Built, store: Recording) -> None:
    folder, manifest = release
    push(folder, store)
    before = {key: store.get(key) for key in store.keys("")}
    store.put(f"release:{manifest.release_id}:file:titles.json:0", b"damaged")
    push(folder, store)
    assert {key: store.get(key) for key in store.keys("")} == before


def test_pushing_again_carries_new_metrics(release: Built, store: Recording) -> None:
    folder, manifest = release
    push(folder, store)
    annotate(folder, metrics={"ndcg@20": 0.5})
    push(folder, store)
    stored = find_manifest(manifest.release_id, store)
    assert stored is not None
    assert stored.metrics == {"ndcg@20": 0.5}


def test_a_damaged_folder_is_not_pushed(release: Built, store: Recording) -> None:
    folder, _ = release
    (folder / "titles.json").write_text("[]")
    with pytest.raises(ReleaseCorrupt):
        push(folder, store)
    assert store.log == []


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_release_whose_push_stopped_halfway_is_invisible(
    release: Built, tmp_path: Path, writes: int
) -> None:
    folder, manifest = release
    store = Recording(writes)
    with pytest.raises(UnavailableError):
        push(folder, store)
    assert list_releases(store) == []
    assert find_manifest(manifest.release_id, store) is None
    with pytest.raises(ReleaseError, match=f"recsys publish {manifest.release_id}"):
        pull(manifest.release_id, store, tmp_path / "releases")
    assert visible(tmp_path / "releases") == []


def test_only_whole_releases_are_listed(release: Built, store: Recording) -> None:
    folder, manifest = release
    push(folder, store)
    store.put("release:live", b"x")
    store.put("release:0123456789abcdef:file:manifest:0", b"x")
    store.put("release:not-an-id:manifest", b"x")
    assert list_releases(store) == [manifest.release_id]


def test_forgetting_removes_the_manifest_first_and_every_chunk(release: Built, store: Recording) -> None:
    folder, manifest = release
    push(folder, store)
    store.put("release:ffffffffffffffff:manifest", b"kept")
    store.log.clear()
    forget(manifest.release_id, store)
    assert store.log[0] == ("delete", f"release:{manifest.release_id}:manifest")
    assert store.keys("") == ["release:ffffffffffffffff:manifest"]
    forget(manifest.release_id, store)


@pytest.mark.parametrize("release_id", ["../x", "", "ABCDEF0123456789", "0" * 15, "0" * 17, "0" * 15 + "/"])
def test_an_id_that_is_no_id_never_becomes_a_path_or_key(
    store: Recording, tmp_path: Path, release_id: str
) -> None:
    for call in (
        lambda: pull(release_id, store, tmp_path / "releases"),
        lambda: forget(release_id, store),
        lambda: find_manifest(release_id, store),
    ):
        with pytest.raises(InputError, match="is not a release id"):
            call()
    assert not (tmp_path / "releases").exists()
    assert store.log == []


def chunk_key(manifest: Manifest) -> str:
    return f"release:{manifest.release_id}:file:als/items.npy:0"


def rewrite(store: MemoryBlobStore, key: str, change: Callable[[bytes], bytes]) -> None:
    store.put(key, change(store.get(key) or b""))


BREAKAGES: dict[str, Callable[[MemoryBlobStore, str], object]] = {
    "flipped byte": lambda store, key: rewrite(store, key, lambda old: old[:-1] + bytes([old[-1] ^ 1])),
    "missing chunk": lambda store, key: store.delete(key),
    "empty chunk": lambda store, key: store.put(key, b""),
    "truncated chunk": lambda store, key: rewrite(store, key, lambda old: old[:-1]),
    "grown chunk": lambda store, key: rewrite(store, key, lambda old: old + b"\0"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_damaged_stored_copy_is_refused_and_leaves_no_folder(
    release: Built, store: Recording, tmp_path: Path, breakage: str
) -> None:
    folder, manifest = release
    push(folder, store)
    BREAKAGES[breakage](store, chunk_key(manifest))
    with pytest.raises(ReleaseCorrupt, match=rf"als/items\.npy.*recsys publish {manifest.release_id}"):
        pull(manifest.release_id, store, tmp_path / "releases")
    assert visible(tmp_path / "releases") == []
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [".pull.lock"]


def stored_manifest(store: MemoryBlobStore, manifest: Manifest, **changes: object) -> None:
    text = json.dumps(manifest.plain() | changes)
    store.put(f"release:{manifest.release_id}:manifest", text.encode())


def test_a_stored_manifest_cannot_write_outside_its_folder(
    release: Built, store: Recording, tmp_path: Path
) -> None:
    folder, manifest = release
    push(folder, store)
    entry = {"sha256": "0" * 64, "bytes": 1}
    stored_manifest(store, manifest, files={"../x": entry})
    store.put(f"release:{manifest.release_id}:file:../x:0", b"x")
    with pytest.raises(ReleaseCorrupt, match=r"'\.\./x' cannot be a payload file"):
        pull(manifest.release_id, store, tmp_path / "releases")
    assert not list(tmp_path.rglob("x"))


def test_a_stored_manifest_of_another_format_is_incompatible(
    release: Built, store: Recording, tmp_path: Path
) -> None:
    folder, manifest = release
    push(folder, store)
    stored_manifest(store, manifest, format_version=99)
    with pytest.raises(ReleaseIncompatible, match="99"):
        pull(manifest.release_id, store, tmp_path / "releases")


def test_a_release_stored_under_the_name_of_another_is_refused(
    release: Built, store: Recording, tmp_path: Path
) -> None:
    folder, manifest = release
    push(folder, store)
    name = "0" * 16
    store.put(f"release:{name}:manifest", store.get(f"release:{manifest.release_id}:manifest") or b"")
    with pytest.raises(ReleaseCorrupt, match=f"{manifest.release_id}.*{name}"):
        pull(name, store, tmp_path / "releases")


def test_an_intact_local_folder_is_used_without_the_store(release: Built, tmp_path: Path) -> None:
    folder, manifest = release
    folder.rename(tmp_path / manifest.release_id)
    assert pull(manifest.release_id, MemoryBlobStore(), tmp_path) == tmp_path / manifest.release_id


def test_a_damaged_local_folder_is_replaced_and_its_readers_keep_their_pages(
    release: Built, store: Recording, tmp_path: Path
) -> None:
    folder, manifest = release
    push(folder, store)
    target = pull(manifest.release_id, store, tmp_path / "releases")
    mapped = load_array(target / "als", "items")
    (target / "titles.json").write_text("damaged")
    assert pull(manifest.release_id, store, tmp_path / "releases") == target
    assert contents(target) == contents(folder)
    assert mapped.sum() == np.arange(64).sum()
    assert visible(tmp_path / "releases") == [manifest.release_id]


def test_a_damaged_local_folder_stays_while_the_store_has_nothing_better(
    release: Built, tmp_path: Path
) -> None:
    folder, manifest = release
    target = folder.rename(tmp_path / manifest.release_id)
    (target / "titles.json").write_text("damaged")
    with pytest.raises(ReleaseError, match="is not in the store"):
        pull(manifest.release_id, MemoryBlobStore(), tmp_path)
    assert (target / "titles.json").read_text() == "damaged"


def test_what_a_killed_pull_left_behind_is_cleared_away(
    release: Built, store: Recording, tmp_path: Path
) -> None:
    folder, manifest = release
    push(folder, store)
    left = tmp_path / "releases" / ".pulling"
    left.mkdir(parents=True)
    (left / "half.npy").write_bytes(b"half")
    pulled = pull(manifest.release_id, store, tmp_path / "releases")
    assert contents(pulled) == contents(folder)
    assert not left.exists()


def pull_in_process(root: Path, release_id: str, into: Path, barrier: Any, answers: Any) -> None:
    barrier.wait(30)
    answers.put(str(pull(release_id, FolderStore(root), into)))


def test_processes_that_pull_at_once_all_get_one_good_folder(tmp_path: Path, about: dict[str, Any]) -> None:
    manifest = big_release(tmp_path / "big", about, 3_000_000)
    store: BlobStore = FolderStore(tmp_path / "store")
    push(tmp_path / "big", store)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(3), context.Queue()
    arguments = (tmp_path / "store", manifest.release_id, tmp_path / "releases", barrier, answers)
    workers = [context.Process(target=pull_in_process, args=arguments) for _ in range(3)]
    for worker in workers:
        worker.start()
    folders = {answers.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(30)
    assert folders == {str(tmp_path / "releases" / manifest.release_id)}
    assert contents(tmp_path / "releases" / manifest.release_id) == contents(tmp_path / "big")
    assert visible(tmp_path / "releases") == [manifest.release_id]
