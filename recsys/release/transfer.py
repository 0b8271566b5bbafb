"""Carrying releases between machines through a blob store.

Key names (the store may add its own prefix): `release:<id>:manifest` holds the manifest,
`release:<id>:file:<path>:<n>` the n-th chunk (at most 8 MiB) of a payload file; an empty file has none.

Invariants: the manifest is written last and deleted first, so that a half-carried release is invisible; a
folder named after a release appears only whole and verified; one machine pulls a release once, however many
processes ask for it.
"""

import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from recsys.errors import ReleaseCorrupt, ReleaseError
from recsys.release.blobs import BlobStore
from recsys.release.manifest import MANIFEST, FileEntry, Manifest, check_id, parse
from recsys.release.seal import verify, write_manifest

__all__ = ["CHUNK_BYTES", "find_manifest", "forget", "list_releases", "pull", "push"]

CHUNK_BYTES: Final = 8 * 1024 * 1024
_PREFIX: Final = "release:"
_MANIFEST_KEY: Final = re.compile(r"release:([0-9a-f]{16}):manifest")


def push(folder: Path, store: BlobStore) -> Manifest:
    """Verify a sealed folder and carry it into `store`.

    Idempotent: every chunk is written again, which also repairs a damaged copy. Raises like `verify`, and
    then writes nothing.
    """
    manifest = verify(folder)
    for path in sorted(manifest.files):
        for number, chunk in enumerate(_chunks(folder / path)):
            store.put(_chunk_key(manifest.release_id, path, number), chunk)
    store.put(_manifest_key(manifest.release_id), (folder / MANIFEST).read_bytes())
    return manifest


def pull(release_id: str, store: BlobStore, into: Path) -> Path:
    """The verified folder `into/<release_id>`: as it stands when intact, else fetched from `store`.

    Raises ReleaseError when neither has it, ReleaseCorrupt or ReleaseIncompatible when the stored copy cannot
    be used; a damaged local folder is replaced only by a good one.
    """
    target = into / check_id(release_id)
    into.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(into):
        if _intact(target):
            return target
        manifest = find_manifest(release_id, store)
        if manifest is None:
            raise ReleaseError(
                f"release {release_id!r} is not in the store; run: recsys publish {release_id}"
            )
        with _scratch(into, "pulling") as fetched:
            _fetch(manifest, store, fetched)
            _put_in_place(fetched, target)
    return target


def find_manifest(release_id: str, store: BlobStore) -> Manifest | None:
    """The manifest of a stored release, or None; raises like `parse` when it is unusable."""
    text = store.get(_manifest_key(check_id(release_id)))
    if text is None:
        return None
    manifest = parse(text)
    if manifest.release_id != release_id:
        raise ReleaseCorrupt(f"the store holds release {manifest.release_id!r} under the name {release_id!r}")
    return manifest


def list_releases(store: BlobStore) -> list[str]:
    """Ids of the completely stored releases, sorted."""
    found = (_MANIFEST_KEY.fullmatch(key) for key in store.keys(_PREFIX))
    return sorted(match[1] for match in found if match)


def forget(release_id: str, store: BlobStore) -> None:
    """Remove a release from the store, manifest first; an unknown one is fine. Local folders stay."""
    store.delete(_manifest_key(check_id(release_id)))
    for key in store.keys(f"{_PREFIX}{release_id}:"):
        store.delete(key)


def _manifest_key(release_id: str) -> str:
    return f"{_PREFIX}{release_id}:manifest"


def _chunk_key(release_id: str, path: str, number: int) -> str:
    return f"{_PREFIX}{release_id}:file:{path}:{number}"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _intact(folder: Path) -> bool:
    try:
        return verify(folder).release_id == folder.name
    except ReleaseError:
        return False


def _fetch(manifest: Manifest, store: BlobStore, folder: Path) -> None:
    """Write every file of a stored release; each is checked against its hash as it passes."""
    for path, entry in manifest.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in _stored_chunks(manifest.release_id, path, entry, store):
                file.write(chunk)
    write_manifest(folder, manifest)


def _stored_chunks(release_id: str, path: str, entry: FileEntry, store: BlobStore) -> Iterator[bytes]:
    """Chunks until the promised size is reached, whatever their own size; checks size and hash."""
    digest, received, number = hashlib.sha256(), 0, 0
    while received < entry.bytes:
        key = _chunk_key(release_id, path, number)
        chunk = store.get(key)
        if not chunk:
            raise ReleaseCorrupt(f"chunk {key!r} is missing from the store; run: recsys publish {release_id}")
        digest.update(chunk)
        received, number = received + len(chunk), number + 1
        yield chunk
    if received != entry.bytes or digest.hexdigest() != entry.sha256:
        raise ReleaseCorrupt(
            f"stored file {path!r} does not match its hash; run: recsys publish {release_id}"
        )


def _put_in_place(fetched: Path, target: Path) -> None:
    """Swap folders by renames; a damaged one is moved aside first (those who mapped its files keep them)."""
    if target.exists():
        with _scratch(target.parent, "damaged") as aside:
            target.rename(aside / "old")
            fetched.rename(target)
    else:
        fetched.rename(target)


@contextmanager
def _scratch(into: Path, name: str) -> Iterator[Path]:
    """An empty hidden folder beside the releases; what a killed process left there goes first."""
    folder = into / f".{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _one_at_a_time(into: Path) -> Iterator[None]:
    """A machine-wide lock on `into`; the kernel drops it with the process that held it."""
    with (into / ".pull.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
