"""The releases of this process: follows the live pointer, loads what it names, swaps one reference.

Invariants: `current()` is one whole, verified, warm release; a release that cannot be used is refused with its reason
and the running one stays; the one before stays loaded, so that a rollback is one assignment; without Redis the
process boots from the last release it, or this machine's training, had on disk.
"""

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from feature_store.online.contract import Pointer
from recsys.arrays import load_json, save_json
from recsys.errors import RecsysError, ReleaseCorrupt, ReleaseError, UnavailableError
from recsys.pipeline import Pipeline
from recsys.release import BlobStore, Manifest, find_manifest, pull, push, read_manifest, verify
from recsys.release.manifest import check_id
from serving.errors import NotReady
from serving.times import now_ms

__all__ = ["LoadedRelease", "PointerReader", "ReleaseFolders", "Releases"]

_POLL_S: Final = 1.0
_RETRY_REFUSED_MS: Final = 60_000
_log: Final = structlog.get_logger(__name__)


class PointerReader(Protocol):
    """Says which release is live."""

    def live_release(self) -> Pointer | None:
        """The pointer, None before the first release; UnavailableError when it cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedRelease:
    """A release in memory."""

    release_id: str
    manifest: Manifest
    pipeline: Pipeline

    @property
    def name(self) -> str:
        """The registered model this is a version of."""
        tracking = self.manifest.config.get("tracking")
        name = tracking.get("registered_model") if isinstance(tracking, Mapping) else None
        return str(name or "recsys")


@dataclass(frozen=True, slots=True)
class ReleaseFolders:
    """Where releases lie on this machine: `home` belongs to training and is only read, `cache` is ours."""

    home: Path
    cache: Path

    def last_known(self) -> list[str]:
        """Release ids to boot from without Redis, best first."""
        found = [_read_pointer(folder) for folder in (self.home, self.cache)]
        return [release_id for release_id in dict.fromkeys(found) if release_id is not None]

    def verified_home(self, release_id: str) -> Path | None:
        """The folder training left on this machine, if it is whole."""
        folder = self.home / check_id(release_id)
        if not folder.is_dir():
            return None
        try:
            return folder if verify(folder).release_id == release_id else None
        except ReleaseCorrupt as error:
            _log.warning("local_release_damaged", release=release_id, reason=str(error))
            return None

    def remember(self, release_id: str) -> None:
        """Note what ran last."""
        save_json(self.cache, "live", {"release_id": release_id})

    def prune(self, keep: set[str]) -> None:
        """Remove cached releases other than `keep`; processes that have mapped one keep its pages."""
        for folder in self.cache.iterdir() if self.cache.is_dir() else ():
            if folder.is_dir() and not folder.name.startswith(".") and folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)


class Releases:
    """Holds what is loaded. `prepare` runs on a release before it goes live; what it raises refuses the release."""

    def __init__(
        self,
        pointer: PointerReader,
        blobs: BlobStore,
        folders: ReleaseFolders,
        prepare: Callable[[LoadedRelease], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._pointer = pointer
        self._blobs = blobs
        self._folders = folders
        self._prepare = prepare
        self._clock = clock
        self._loaded: tuple[LoadedRelease, ...] = ()
        self._refused: dict[str, tuple[str, int]] = {}
        self._busy = threading.Lock()
        self._looked = threading.Event()

    def current(self) -> LoadedRelease:
        """The live release; take it once per request.

        Raises:
            NotReady: none is loaded yet.
        """
        loaded = self._loaded
        if not loaded:
            reasons = "; ".join(f"{name}: {reason}" for name, (reason, _) in self._refused.items())
            raise NotReady(f"no release is loaded yet; run: recsys train{f' ({reasons})' if reasons else ''}")
        return loaded[0]

    @property
    def refused(self) -> Mapping[str, str]:
        """Reason by release id of those that could not be used."""
        return {release_id: reason for release_id, (reason, _) in self._refused.items()}

    @property
    def loaded(self) -> tuple[LoadedRelease, ...]:
        """The live release and the one kept for rollback."""
        return self._loaded

    def follow(self) -> bool:
        """Look at the pointer once and load what it names; returns whether another release went live."""
        with self._busy:
            return any(map(self._go_live, self._wanted()))

    def run(self, stop: threading.Event) -> None:
        """Follow the pointer until `stop`; for a thread of its own."""
        while not stop.is_set():
            try:
                self.follow()
            except Exception:
                _log.exception("release_follow_failed")
            self._looked.set()
            stop.wait(_POLL_S)

    def wait_for_first_look(self, patience_s: float) -> bool:
        """Wait until `run` has looked at the pointer once, and loaded what it could; False when that takes longer."""
        return self._looked.wait(patience_s)

    def _wanted(self) -> list[str]:
        """Release ids to try in order; without a running one any older one is better than none."""
        try:
            pointer = self._pointer.live_release()
        except UnavailableError:
            pointer = None
        named = [] if pointer is None else [pointer.release_id]
        if self._loaded:
            return named
        if pointer is not None and pointer.previous is not None:
            named.append(pointer.previous)
        return list(dict.fromkeys(named + self._folders.last_known()))

    def _go_live(self, release_id: str) -> bool:
        loaded = self._loaded
        if (loaded and loaded[0].release_id == release_id) or self._was_refused(release_id):
            return False
        try:
            release = self._kept(release_id) or self._load(release_id)
            self._prepare(release)
        except UnavailableError as error:
            _log.warning("release_not_reachable", release=release_id, reason=str(error))
            return False
        except Exception as error:
            # Whatever a damaged or foreign release does while it is read, the running one stays.
            self._refuse(release_id, error)
            return False
        self._loaded = (release, *loaded[:1])
        self._refused.pop(release_id, None)
        _log.info("release_live", release=release_id)
        self._settle(release_id)
        return True

    def _kept(self, release_id: str) -> LoadedRelease | None:
        return next((release for release in self._loaded if release.release_id == release_id), None)

    def _load(self, release_id: str) -> LoadedRelease:
        folder = self._folders.verified_home(release_id) or pull(release_id, self._blobs, self._folders.cache)
        return LoadedRelease(release_id, read_manifest(folder), Pipeline.load(folder))

    def _was_refused(self, release_id: str) -> bool:
        """Whether it was refused lately; a repaired copy has the same id, so it is tried again after a while."""
        refused_at = self._refused.get(release_id, ("", 0))[1]
        return self._clock() - refused_at < _RETRY_REFUSED_MS

    def _refuse(self, release_id: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, RecsysError) else f"it cannot be loaded: {error!r}"
        self._refused[release_id] = (reason, self._clock())
        _log.error("release_refused", release=release_id, reason=reason)

    def _settle(self, release_id: str) -> None:
        """What may fail without harm once a release is live."""
        try:
            self._folders.remember(release_id)
            self._folders.prune({release.release_id for release in self._loaded})
            if find_manifest(release_id, self._blobs) is None and self._folders.verified_home(release_id):
                push(self._folders.home / release_id, self._blobs)
        except (OSError, RecsysError) as error:
            _log.warning("release_not_settled", release=release_id, reason=str(error))


def _read_pointer(folder: Path) -> str | None:
    try:
        release_id = load_json(folder, "live")["release_id"]
    except (OSError, ReleaseError, KeyError, TypeError, ValueError):
        return None
    return release_id if isinstance(release_id, str) else None
