"""What releases there are and which is live, and the wish to change that, as a job for the training side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from feature_store.online.contract import JobStatus, JobStore, Pointer, ReleasePointer
from recsys.errors import ReleaseError
from recsys.release import BlobStore, Manifest, find_manifest, list_releases, read_manifest
from recsys.release.manifest import check_id
from serving.errors import Conflict, NotFound
from serving.live.releases import ReleaseFolders, Releases

__all__ = ["Overview", "ReleaseBoard"]

_log = structlog.get_logger(__name__)


class BoardStore(JobStore, ReleasePointer, Protocol):
    """The pointer and the jobs of the online store."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Every release known here, newest first."""

    manifests: tuple[Manifest, ...]
    pointer: Pointer | None
    loaded: frozenset[str]
    refused: dict[str, str]


class ReleaseBoard:
    """Looks at releases and asks for changes."""

    def __init__(
        self, store: BoardStore, blobs: BlobStore, folders: ReleaseFolders, releases: Releases
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._folders = folders
        self._releases = releases

    def overview(self) -> Overview:
        """Releases of the online store and of this machine.

        Raises:
            UnavailableError: the online store is away.
        """
        found = {manifest.release_id: manifest for manifest in self._manifests()}
        newest = sorted(found.values(), key=lambda manifest: manifest.created_at, reverse=True)
        return Overview(
            manifests=tuple(newest),
            pointer=self._store.live_release(),
            loaded=frozenset(release.release_id for release in self._releases.loaded),
            refused=dict(self._releases.refused),
        )

    def ask(self, verb: Literal["promote", "rollback"], release_id: str, by: str) -> str:
        """Queue the job; returns its id.

        Raises:
            InputError: that is no release id.
            Conflict: a rollback of a release that is not live, or with nothing before it.
            UnavailableError: the online store is away.
        """
        check_id(release_id)
        if verb == "rollback":
            self._check_rollback(release_id)
        return self._store.push_job(verb, {"release_id": release_id}, by)

    def job(self, job_id: str) -> JobStatus:
        """How far a job is.

        Raises:
            NotFound: there is no such job, or it ended more than a week ago.
        """
        status = self._store.job_status(job_id)
        if status is None:
            raise NotFound(f"there is no job {job_id!r}; jobs are kept for a week")
        return status

    def _check_rollback(self, release_id: str) -> None:
        pointer = self._store.live_release()
        if pointer is None or pointer.previous is None:
            raise Conflict("there is no earlier live release to go back to; promote one instead")
        if release_id != pointer.release_id:
            raise Conflict(
                f"release {release_id!r} is not live, so it cannot be rolled back; live is {pointer.release_id!r}"
            )

    def _manifests(self) -> Iterator[Manifest]:
        for folder in sorted(self._folders.home.iterdir()) if self._folders.home.is_dir() else ():
            try:
                if folder.is_dir() and not folder.name.startswith("."):
                    yield read_manifest(folder)
            except ReleaseError as error:
                _log.warning("release_not_readable", release=folder.name, reason=str(error))
        for release_id in list_releases(self._blobs):
            try:
                if manifest := find_manifest(release_id, self._blobs):
                    yield manifest
            except ReleaseError as error:
                _log.warning("release_not_readable", release=release_id, reason=str(error))
