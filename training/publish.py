"""Carrying releases to serving: payload into the online store, then the pointer, then the mirrors.

Invariants: the pointer moves only after the payload is stored and whole; an online store that is away raises
UnavailableError and leaves everything as it was; the release before stays stored, so a rollback is one write.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from feature_store.online.contract import Pointer, ReleasePointer
from recsys.errors import UnavailableError
from recsys.release import BlobStore, find_manifest, forget, list_releases, push
from training.errors import TrainingError
from training.releases import Releases

__all__ = ["Publisher", "now_ms"]


def now_ms() -> int:
    """The clock, ms since epoch."""
    return round(time.time() * 1000)


@dataclass(frozen=True)
class Publisher:
    """Moves releases of this machine to serving."""

    releases: Releases
    pointers: ReleasePointer
    blobs: BlobStore
    clock: Callable[[], int] = now_ms

    def live(self) -> Pointer | None:
        """What is live: the online store's word, else (nothing there, or away) this machine's last one."""
        try:
            return self.pointers.live_release() or self.releases.pointer()
        except UnavailableError:
            return self.releases.pointer()

    def push(self, release_id: str) -> None:
        """Store the payload of a release of this machine; again for a stored one, which repairs it."""
        push(self.releases.find(release_id), self.blobs)

    def go_live(self, release_id: str) -> Pointer:
        """Store the payload, move the pointer, note it here; forget what is neither live nor just before.

        Raises UnknownReleaseError when neither this machine nor the online store has the release.
        """
        self._store(release_id)
        self._recall_past(release_id)
        pointer = self.pointers.set_live_release(release_id, self.clock())
        self.releases.point(pointer)
        self._forget_others(pointer)
        return pointer

    def go_back(self) -> Pointer:
        """Make the release before live again; the one that was live becomes the one before.

        Raises TrainingError when there is none to go back to.
        """
        pointer = self.live()
        if pointer is None or pointer.previous is None:
            raise TrainingError("there is no earlier live release to go back to; see: recsys promote --help")
        return self.go_live(pointer.previous)

    def _store(self, release_id: str) -> None:
        if find_manifest(release_id, self.blobs) is None:
            self.push(release_id)

    def _recall_past(self, release_id: str) -> None:
        """Tell a fresh online store what this machine served before, so that a rollback has a way back."""
        before = self.releases.pointer()
        if before is None or self.pointers.live_release() is not None:
            return
        past = before.previous if before.release_id == release_id else before.release_id
        if past in self.releases.known():
            self._store(past)
            self.pointers.set_live_release(past, before.at)

    def _forget_others(self, pointer: Pointer) -> None:
        for stored in list_releases(self.blobs):
            if stored not in (pointer.release_id, pointer.previous):
                forget(stored, self.blobs)
