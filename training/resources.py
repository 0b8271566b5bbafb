"""The composition root of every training verb: settings in, stores and folders out, each made when first used.

Invariants: nothing connects before a verb needs it; an embedded store that was joined is left at the end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from feature_store.offline import OfflineStore
from feature_store.online.contract import Pointer
from feature_store.settings import StoreSettings
from recsys.release import pull
from training.config import TrainingConfig
from training.dataset import Dataset, read_dataset
from training.errors import UnknownReleaseError
from training.exam import Exam, set_exam
from training.releases import Releases

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from feature_store.identity_edges import IdentityEdge
    from feature_store.online.redis_store import RedisOnlineStore
    from training.publish import Publisher
    from training.registry import Registry

__all__ = ["Shop", "open_shop"]


class Shop:
    """One shop's home folder and what lies behind it."""

    def __init__(self, settings: StoreSettings, config: TrainingConfig) -> None:
        self.settings = settings
        self.config = config
        self.releases = Releases(settings.home)
        self._datasets: dict[int | None, Dataset] = {}

    @cached_property
    def offline(self) -> OfflineStore:
        """The log and the histories, shoppers merged as of now."""
        return OfflineStore(self.settings.home, self.edges)

    @cached_property
    def edges(self) -> "list[IdentityEdge]":
        """Which ids were merged into which."""
        from feature_store.identity import Identities

        return Identities(self.database).edges()

    @cached_property
    def database(self) -> "Engine":
        """The database of definitions; raises UnavailableError when it is away."""
        from feature_store.database import open_database

        return open_database(self.settings)

    @cached_property
    def online(self) -> "RedisOnlineStore":
        """The online store; raises UnavailableError when it is away."""
        from feature_store.online.redis_store import RedisOnlineStore
        from feature_store.server.connection import connect

        return RedisOnlineStore.of(connect(self.settings), self.settings)

    @cached_property
    def publisher(self) -> "Publisher":
        """Carries releases to the online store."""
        from feature_store.online.blobs import RedisBlobStore
        from feature_store.server.connection import connect
        from training.publish import Publisher

        blobs = RedisBlobStore(connect(self.settings), self.settings.namespace)
        return Publisher(self.releases, self.online, blobs)

    def live(self) -> Pointer | None:
        """What is live, without starting an embedded store only to ask it: this machine's note says the same."""
        return self.releases.pointer() if self.settings.redis_url is None else self.publisher.live()

    def release_folder(self, release_id: str | None) -> Path:
        """The folder of a release (None: the live one), fetched from the online store if it is not here.

        Raises UnknownReleaseError.
        """
        if release_id is None:
            live = self.live()
            if live is None:
                raise UnknownReleaseError("no release is live yet; run: recsys train")
            release_id = live.release_id
        if release_id not in self.releases.known() and self.settings.redis_url is not None:
            return pull(release_id, self.publisher.blobs, self.releases.folder)
        return self.releases.find(release_id)

    def registry(self) -> "Registry":
        """The MLflow mirror (imports mlflow); raises TrackingAwayError."""
        from training.registry import Registry
        from training.tracking import connect

        home = self.settings.home
        return Registry(connect(home), home, self.config.tracking.registered_model)

    def dataset(self, until: int | None = None) -> Dataset:
        """The log before `until`, read once."""
        if until not in self._datasets:
            self._datasets[until] = read_dataset(self.offline, until)
        return self._datasets[until]

    def failed_checks(self) -> list[str]:
        """Data checks that FAIL on the log as it is now, each with its count."""
        from feature_store.checks import Status, run_checks

        results = run_checks(self.settings.home)
        failed = (result for result in results if result.status is Status.FAIL)
        return [f"{result.name}: {result.count:,} of {result.total:,}" for result in failed]

    def exam(self, cut: int | None = None, until: int | None = None) -> Exam:
        """The exam at `cut`, or at the usual one."""
        return set_exam(self.dataset(until), self.offline, self.config, self.settings.history_length, cut)


@contextmanager
def open_shop(settings: StoreSettings, config: TrainingConfig) -> Iterator[Shop]:
    """A shop for one command."""
    from feature_store.server.connection import disconnect

    try:
        yield Shop(settings, config)
    finally:
        disconnect(settings)
