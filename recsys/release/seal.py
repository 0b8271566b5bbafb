"""Sealing a folder of payload files into a release, and checking one against its manifest.

Invariants: files are read as streams, so checking a release of any size needs a constant amount of memory;
the manifest is written last and whole; dot-files are never payload.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from recsys.arrays import save_json
from recsys.errors import InputError, ReleaseCorrupt, ReleaseError
from recsys.release.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    RULES_SCHEMA,
    FileEntry,
    Manifest,
    check_paths,
    parse,
    release_digest,
)

__all__ = ["annotate", "read_manifest", "seal", "verify", "write_manifest"]


def seal(
    folder: Path,
    *,
    config: Mapping[str, object],
    metrics: Mapping[str, object],
    slices: Mapping[str, object],
    data: Mapping[str, object],
    code_version: str,
    created_at: int,
    vocabulary: str = "",
) -> Manifest:
    """Hash every payload file of `folder` and write its manifest; `created_at` in ms since epoch.

    Raises InputError for an empty folder, a symbolic link, an unsafe file name or a value JSON cannot hold.
    """
    paths = _payload(folder)
    if not paths:
        raise InputError(f"folder {folder.name!r} has no payload files; train into it first")
    check_paths(paths)
    files = {path: _entry(folder / path) for path in paths}
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        release_id=release_digest(files),
        created_at=created_at,
        config=config,
        metrics=metrics,
        slices=slices,
        data=data,
        code_version=code_version,
        rules_schema=RULES_SCHEMA,
        vocabulary=vocabulary,
        files=files,
    )
    return write_manifest(folder, manifest)


def annotate(
    folder: Path,
    *,
    metrics: Mapping[str, object] | None = None,
    slices: Mapping[str, object] | None = None,
) -> Manifest:
    """Replace metrics or slices in the manifest of a sealed folder; the payload and the id stay."""
    manifest = read_manifest(folder)
    if metrics is not None:
        manifest = replace(manifest, metrics=metrics)
    if slices is not None:
        manifest = replace(manifest, slices=slices)
    return write_manifest(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """Parse the manifest without touching the payload.

    Raises ReleaseError when there is none, ReleaseIncompatible or ReleaseCorrupt when it cannot be used.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ReleaseError(
            f"folder {folder.name!r} is not a release: it has no readable {MANIFEST}"
        ) from error
    return parse(text)


def verify(folder: Path) -> Manifest:
    """Check that `folder` holds exactly the files of its manifest, each with its size and hash.

    Raises ReleaseCorrupt naming the first file that differs, ReleaseIncompatible for another format version.
    """
    manifest = read_manifest(folder)
    try:
        present = set(_payload(folder))
    except InputError as error:
        raise ReleaseCorrupt(str(error)) from error
    for path in sorted(present ^ manifest.files.keys()):
        state = "is missing from" if path in manifest.files else "does not belong to"
        raise ReleaseCorrupt(f"file {path!r} {state} release {manifest.release_id!r}")
    for path, expected in sorted(manifest.files.items()):
        if _entry(folder / path) != expected:
            raise ReleaseCorrupt(f"file {path!r} of release {manifest.release_id!r} does not match its hash")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest file whole; the same manifest gives the same bytes."""
    save_json(folder, MANIFEST.removesuffix(".json"), manifest.plain())
    return manifest


def _payload(folder: Path) -> list[str]:
    """Sorted relative paths of all payload files; InputError for a link, which would escape the hashes."""
    paths = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in name.split("/")):
            continue
        if path.is_symlink():
            raise InputError(
                f"{name!r} in folder {folder.name!r} is a symbolic link; a release holds plain files"
            )
        if path.is_file() and name != MANIFEST:
            paths.append(name)
    return paths


def _entry(path: Path) -> FileEntry:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileEntry(sha256=digest, bytes=file.tell())
    except OSError as error:
        raise ReleaseCorrupt(f"file {path.name!r} cannot be read: {error}") from error
