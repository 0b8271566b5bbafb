"""The manifest of a release: what is in it, where it came from, and how a foreign one is checked.

Invariants: a manifest that parses names only plain relative paths, which cannot point outside its folder, and
its files give its `release_id`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from recsys.errors import InputError, ReleaseCorrupt, ReleaseIncompatible

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "RULES_SCHEMA",
    "FileEntry",
    "Manifest",
    "check_id",
    "check_paths",
    "parse",
    "release_digest",
]

FORMAT_VERSION: Final = 1
RULES_SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"

# No leading dot: excludes `.` and `..`, and leaves dot-files to half-written parts and tools.
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]*"
_PATH = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size and SHA-256 (64 hex digits) of one payload file."""

    sha256: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    bytes: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything known about a release besides its payload."""

    format_version: int
    release_id: str
    created_at: int
    """When it was sealed, ms since epoch."""
    config: Mapping[str, object]
    """The training configuration, as plain values."""
    metrics: Mapping[str, object]
    slices: Mapping[str, object]
    """Metrics by slice of shoppers or items."""
    data: Mapping[str, object]
    """Range (ms) and hash of the events it was fitted on."""
    code_version: str
    rules_schema: int
    """The schema of rules this release needs; rolling back a model never touches rules."""
    vocabulary: str
    """Digest of the item vocabulary; empty when the folder has none."""
    files: Mapping[str, FileEntry]
    """Relative POSIX path → size and hash of each payload file."""

    def plain(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


_SHAPE: Final = TypeAdapter(Manifest)


def release_digest(files: Mapping[str, FileEntry]) -> str:
    """First 16 hex digits of the SHA-256 over the sorted `<sha256>  <path>` lines: payload only, no times."""
    lines = "".join(f"{files[path].sha256}  {path}\n" for path in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def check_id(release_id: str) -> str:
    """The id itself when it is 16 hex digits, else InputError: ids become key names and folder names."""
    if not _ID.fullmatch(release_id):
        raise InputError(f"{release_id!r} is not a release id; expected 16 hex digits, as in its manifest")
    return release_id


def check_paths(paths: Iterable[str]) -> None:
    """Raise InputError for a path that is unsafe, hidden, the manifest, or both a file and a folder."""
    known = set(paths)
    for path in sorted(known):
        if not _PATH.fullmatch(path) or path == MANIFEST:
            raise InputError(
                f"{path!r} cannot be a payload file; use letters, digits and `_ - . + = @` in names"
            )
        parts = path.split("/")
        if any("/".join(parts[:depth]) in known for depth in range(1, len(parts))):
            raise InputError(f"{path!r} lies under another payload file")


def parse(text: bytes) -> Manifest:
    """Read and check a manifest.

    Raises ReleaseIncompatible for another format version, ReleaseCorrupt for anything that does not add up.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReleaseCorrupt(f"{MANIFEST} is not JSON: {error}") from error
    version = value.get("format_version") if isinstance(value, dict) else None
    if version != FORMAT_VERSION:
        raise ReleaseIncompatible(
            f"release format {version!r} is not {FORMAT_VERSION}; train a new one or upgrade the code"
        )
    try:
        manifest = _SHAPE.validate_python(value)
        check_paths(manifest.files)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ReleaseCorrupt(f"{MANIFEST} is malformed at {place!r}: {first['msg']}") from error
    except InputError as error:
        raise ReleaseCorrupt(f"{MANIFEST} is malformed: {error}") from error
    if release_digest(manifest.files) != manifest.release_id:
        raise ReleaseCorrupt(f"{MANIFEST} says release {manifest.release_id!r}, its files give another id")
    return manifest
