"""The product as a shop runs it, on a home folder of its own: a release, a real store, people in it, and a key."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feature_store.server.valkey import EmbeddedValkey
from recsys.catalogue import Catalogue
from recsys.release import MANIFEST
from serving.bench.people import draw_people, store_people
from serving.bench.processes import Cores, Server
from serving.bench.traffic import Traffic
from serving.control.keys import KeyRepository
from serving.control.principals import Role
from serving.control.scenarios import ScenarioRepository
from serving.settings import Settings
from serving.stores import Stores, open_stores
from serving.times import now_ms

__all__ = ["Product", "prepared"]

_SHOPPERS: Final = 5_000
_SESSIONS: Final = 1_000
_PATIENT: Final = {"RECSYS_QUEUE_WAIT_MS": "2000", "RECSYS_QUEUE_LENGTH": "1000"}
_DRAIN_S: Final = 2.0
_PROGRAM: Final = "from recsys.cli import main; main()"


@dataclass(frozen=True)
class Product:
    """A home folder that `recsys serve` can start on."""

    home: Path
    redis_url: str
    traffic: Traffic
    admin_key: str
    stores: Stores
    """The bench's own connections, closed when it ends."""

    def server(self, cores: Cores, workers: int = 1, *, patient: bool = True) -> Server:
        """`recsys serve`, as it is run in a shop; not started yet. `patient`: made to wait rather than to refuse."""
        environment = {
            **_environment(self.home, self.redis_url),
            # What the caller may have set for another shop; an empty value counts as none.
            "RECSYS_CORS_ORIGINS": "",
            "RECSYS_SHOPPER_SECRET": "",
        }
        if patient:
            # What a server can do is asked for here, not what it gives up when neighbours take its core away.
            environment |= {name: os.environ.get(name) or value for name, value in _PATIENT.items()}
        arguments: tuple[str, ...] = ("serve", "--host", "127.0.0.1", "--port", "{port}")
        if workers > 1:
            arguments += ("--workers", str(workers))
        return Server("ours", _PROGRAM, arguments, cores=cores, folder=self.home, environment=environment)

    @contextmanager
    def drained(self) -> Iterator[None]:
        """Meanwhile take events and changes out of the store as `recsys worker` does, but keep none of them."""
        over = threading.Event()
        thread = threading.Thread(target=self._drain, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _drain(self, over: threading.Event) -> None:
        online = self.stores.online
        while not over.wait(_DRAIN_S):
            now = now_ms()
            online.trim_stream(f"{now}-0")
            online.commit_item_changes(f"{now}-0", now)


@contextmanager
def prepared(
    release: Path, people: tuple[int, int] = (_SHOPPERS, _SESSIONS), others: Sequence[Path] = ()
) -> Iterator[Product]:
    """A product over a sealed release folder, with so many (shoppers, sessions of either sort); gone afterwards.

    `others` are releases it may go over to.
    """
    # Short: the path of a Unix socket holds about a hundred bytes.
    home = Path(tempfile.mkdtemp(prefix="rb"))
    store = EmbeddedValkey(home / "valkey")
    try:
        store.ensure()
        redis_url = f"unix://{store.socket}"
        settings = Settings(
            home=home,
            redis_url=redis_url,
            database_url=_database(home),
            namespace="recsys",
            shopper_secret=None,
        )
        stores = open_stores(settings)
        try:
            for each in (*others, release):
                _lay(each, home, stores)
            stores.online.set_live_release(release.name, now_ms())
            yield _filled(home, redis_url, release, people, stores)
        finally:
            stores.close()
    finally:
        store.leave()
        store.wait_until_stopped()
        shutil.rmtree(home, ignore_errors=True)


def _filled(home: Path, redis_url: str, release: Path, people: tuple[int, int], stores: Stores) -> Product:
    catalogue = Catalogue.load(release / "catalogue")
    drawn = draw_people(release, *people, now_ms())
    store_people(drawn, stores.online, catalogue.vocabulary)
    keys = KeyRepository(stores.database, now_ms)
    key, admin_key = (keys.create(role, "bench")[1] for role in (Role.STOREFRONT, Role.ADMIN))
    traffic = Traffic(catalogue, drawn, key)
    ScenarioRepository(stores.database, now_ms).put(traffic.hall(), actor="bench")
    return Product(home, redis_url, traffic, admin_key, stores)


def _lay(release: Path, home: Path, stores: Stores) -> None:
    """Lay the release where training leaves it.

    The process reads the folder. The store gets the manifest alone, so that nobody repairs its copy by carrying
    gigabytes there while something is measured.
    """
    (home / "releases").mkdir(exist_ok=True)
    (home / "releases" / release.name).symlink_to(release.absolute(), target_is_directory=True)
    stores.blobs.put(f"release:{release.name}:manifest", (release / MANIFEST).read_bytes())


def _environment(home: Path, redis_url: str) -> dict[str, str]:
    return {
        "RECSYS_HOME": str(home),
        "REDIS_URL": redis_url,
        "RECSYS_DATABASE_URL": _database(home),
        "RECSYS_NAMESPACE": "recsys",
    }


def _database(home: Path) -> str:
    return f"sqlite:///{home / 'recsys.db'}"
