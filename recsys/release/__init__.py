"""A release: one immutable folder of item-side payload files and a manifest that names and hashes them.

Invariants: `release_id` depends on the payload files only, so metrics may be added later; a release holds no
shopper id and no shopper vector; a folder or a stored copy without a manifest does not exist for anybody.
"""

from recsys.release.blobs import BlobStore, MemoryBlobStore
from recsys.release.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    RULES_SCHEMA,
    FileEntry,
    Manifest,
    check_id,
    release_digest,
)
from recsys.release.seal import annotate, read_manifest, seal, verify
from recsys.release.transfer import CHUNK_BYTES, find_manifest, forget, list_releases, pull, push

__all__ = [
    "CHUNK_BYTES",
    "FORMAT_VERSION",
    "MANIFEST",
    "RULES_SCHEMA",
    "BlobStore",
    "FileEntry",
    "Manifest",
    "MemoryBlobStore",
    "annotate",
    "check_id",
    "find_manifest",
    "forget",
    "list_releases",
    "pull",
    "push",
    "read_manifest",
    "release_digest",
    "seal",
    "verify",
]
