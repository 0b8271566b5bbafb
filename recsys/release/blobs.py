"""The four verbs a release needs from a store of bytes, and the in-memory store that specifies them."""

from threading import Lock
from typing import Protocol

__all__ = ["BlobStore", "MemoryBlobStore"]


class BlobStore(Protocol):
    """Bytes under text keys; every verb raises UnavailableError while the backend is away."""

    def get(self, key: str) -> bytes | None:
        """The bytes under `key`, or None."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Store `value` under `key`, replacing what was there; durable on return."""
        ...

    def delete(self, key: str) -> None:
        """Remove `key`; a missing key is fine."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with `prefix` (taken literally), in any order."""
        ...


class MemoryBlobStore:
    """A dictionary behind a lock: for tests and one-process use."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """The bytes under `key`, or None."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep a copy of `value` under `key`."""
        with self._lock:
            self._values[key] = bytes(value)

    def delete(self, key: str) -> None:
        """Remove `key`; a missing key is fine."""
        with self._lock:
            self._values.pop(key, None)

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with `prefix`, sorted."""
        with self._lock:
            return sorted(key for key in self._values if key.startswith(prefix))
