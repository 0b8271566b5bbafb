"""A sealed folder is named by its payload, and any change to it is found and named."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import InputError, ReleaseCorrupt, ReleaseError, ReleaseIncompatible
from recsys.release import Manifest, annotate, read_manifest, seal, verify

Built = tuple[Path, Manifest]
Payload = Callable[[Path], Path]


def edit(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_a_manifest_comes_back_as_it_was_sealed(release: Built, about: dict[str, Any]) -> None:
    folder, manifest = release
    assert read_manifest(folder) == verify(folder) == manifest
    assert {name: getattr(manifest, name) for name in about} == about
    assert (manifest.format_version, manifest.rules_schema) == (1, 1)


def test_a_manifest_lists_every_payload_file_with_size_and_hash(release: Built) -> None:
    folder, manifest = release
    assert sorted(manifest.files) == ["als/items.npy", "empty.bin", "titles.json"]
    for path, entry in manifest.files.items():
        content = (folder / path).read_bytes()
        assert (entry.bytes, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_id_is_the_start_of_the_hash_over_the_sorted_file_hashes(release: Built) -> None:
    folder, manifest = release
    lines = "".join(
        f"{hashlib.sha256((folder / path).read_bytes()).hexdigest()}  {path}\n"
        for path in ["als/items.npy", "empty.bin", "titles.json"]
    )
    assert manifest.release_id == hashlib.sha256(lines.encode()).hexdigest()[:16]


def test_the_id_ignores_times_metrics_and_config(
    release: Built, payload: Payload, about: dict[str, Any], tmp_path: Path
) -> None:
    other = about | {"created_at": 5, "metrics": {}, "config": {}, "code_version": "9", "data": {}}
    assert seal(payload(tmp_path / "again"), **other).release_id == release[1].release_id


@pytest.mark.parametrize("change", ["content", "name", "added"])
def test_the_id_changes_with_any_payload_file(
    release: Built, payload: Payload, about: dict[str, Any], tmp_path: Path, change: str
) -> None:
    folder = payload(tmp_path / "again")
    if change == "content":
        (folder / "titles.json").write_text("[]")
    elif change == "name":
        (folder / "titles.json").rename(folder / "names.json")
    else:
        (folder / "more.json").write_text("[]")
    assert seal(folder, **about).release_id != release[1].release_id


def test_annotating_replaces_metrics_and_slices_and_keeps_everything_else(release: Built) -> None:
    folder, manifest = release
    changed = annotate(folder, metrics={"ndcg@20": 0.4})
    assert changed.metrics == {"ndcg@20": 0.4}
    assert changed.slices == manifest.slices
    changed = annotate(folder, slices={})
    assert (changed.metrics, changed.slices) == ({"ndcg@20": 0.4}, {})
    assert verify(folder) == changed
    assert (changed.release_id, changed.files) == (manifest.release_id, manifest.files)


def test_a_metric_that_is_not_a_number_is_refused_and_the_manifest_stays(release: Built) -> None:
    folder, manifest = release
    with pytest.raises(InputError, match="manifest"):
        annotate(folder, metrics={"ndcg@20": float("nan")})
    assert verify(folder) == manifest


def test_a_manifest_cannot_be_changed_in_memory(release: Built) -> None:
    with pytest.raises(FrozenInstanceError):
        release[1].release_id = "0" * 16  # type: ignore[misc]


def test_an_empty_folder_cannot_be_sealed(tmp_path: Path, about: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no payload files"):
        seal(tmp_path, **about)


@pytest.mark.parametrize("name", ["with space.npy", "数组.npy", "a:b.npy", "back\\slash.npy"])
def test_an_unsafe_file_name_cannot_be_sealed(tmp_path: Path, about: dict[str, Any], name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be a payload file"):
        seal(tmp_path, **about)


def test_a_symbolic_link_is_refused_when_sealing_and_when_checking(
    release: Built, about: dict[str, Any]
) -> None:
    folder, _ = release
    (folder / "secret.txt").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="symbolic link"):
        seal(folder, **about)
    with pytest.raises(ReleaseCorrupt, match="symbolic link"):
        verify(folder)


def test_hidden_files_are_never_payload(release: Built, about: dict[str, Any]) -> None:
    folder, manifest = release
    (folder / ".items.npy.77.partial").write_bytes(b"half")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_bytes(b"1")
    assert verify(folder) == manifest
    assert seal(folder, **about) == manifest


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "flipped byte": lambda folder: flip(folder / "als" / "items.npy"),
    "truncated": lambda folder: (folder / "als" / "items.npy").write_bytes(b"\x93NUMPY"),
    "grown": lambda folder: grow(folder / "als" / "items.npy"),
    "emptied": lambda folder: (folder / "als" / "items.npy").write_bytes(b""),
    "missing": lambda folder: (folder / "als" / "items.npy").unlink(),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_damaged_file_is_found_and_named(release: Built, breakage: str) -> None:
    folder, _ = release
    BREAKAGES[breakage](folder)
    with pytest.raises(ReleaseCorrupt, match=r"'als/items\.npy'"):
        verify(folder)


def test_a_file_that_the_manifest_does_not_name_is_found(release: Built) -> None:
    folder, _ = release
    (folder / "als" / "extra.npy").write_bytes(b"1")
    with pytest.raises(ReleaseCorrupt, match=r"'als/extra\.npy' does not belong"):
        verify(folder)


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is not a release"):
        read_manifest(tmp_path)
    with pytest.raises(ReleaseError, match="is not a release"):
        verify(tmp_path / "nowhere")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_version_is_incompatible_whatever_else_it_holds(
    release: Built, version: object
) -> None:
    (release[0] / "manifest.json").write_text(json.dumps({"format_version": version, "other": 1}))
    with pytest.raises(ReleaseIncompatible, match=f"release format {version!r}"):
        read_manifest(release[0])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"format_version": 1}', "\udcff"])
def test_a_manifest_that_is_no_manifest_is_refused(release: Built, text: str) -> None:
    (release[0] / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ReleaseError):
        read_manifest(release[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": [1]},
        {"created_at": "soon"},
        {"files": {"titles.json": {"sha256": "xyz", "bytes": 1}}},
        {"files": {"titles.json": {"sha256": "0" * 64, "bytes": -1}}},
        {"files": {"titles.json": {"sha256": "0" * 64, "bytes": 1}}},
        {"release_id": "0" * 16},
        {"release_id": "../../etc"},
    ],
)
def test_a_manifest_that_does_not_add_up_is_corrupt(release: Built, changes: dict[str, object]) -> None:
    edit(release[0], **changes)
    with pytest.raises(ReleaseCorrupt, match=r"manifest\.json"):
        read_manifest(release[0])


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "a//b",
        "./a",
        ".hidden",
        "a/.git/x",
        "a\\..\\x",
        "",
        "a/",
        "manifest.json",
    ],
)
def test_a_path_that_could_leave_the_folder_is_refused(release: Built, path: str) -> None:
    edit(release[0], files={path: {"sha256": "0" * 64, "bytes": 1}})
    with pytest.raises(ReleaseCorrupt, match="cannot be a payload file"):
        read_manifest(release[0])


def test_a_path_under_another_file_is_refused(release: Built) -> None:
    entry = {"sha256": "0" * 64, "bytes": 1}
    edit(release[0], files={"a": entry, "a/b": entry})
    with pytest.raises(ReleaseCorrupt, match="'a/b' lies under another payload file"):
        read_manifest(release[0])
