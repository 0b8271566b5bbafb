"""The product as a shop runs it, on a home folder of its own: a release, a real store, people in it, and a key."""

import os
import shutil
import tempfile
from collections.abc import Iterator
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
_PATIENT_MS: Final = "2000"
_PROGRAM: Final = "from recsys.cli import main; main()"


@dataclass(frozen=True)
class Product:
    """A home folder that `recsys serve` can start on."""

    home: Path
    redis_url: str
    traffic: Traffic

    def server(self, cores: Cores) -> Server:
        """`recsys serve`, as it is run in a shop; not started yet."""
        environment = {
            **_environment(self.home, self.redis_url),
            # What the caller may have set for another shop; an empty value counts as none.
            "RECSYS_CORS_ORIGINS": "",
            "RECSYS_SHOPPER_SECRET": "",
            # What a server can do is asked for here, not what it gives up when neighbours take its core away.
            "RECSYS_QUEUE_WAIT_MS": os.environ.get("RECSYS_QUEUE_WAIT_MS") or _PATIENT_MS,
        }
        arguments = ("serve", "--host", "127.0.0.1", "--port", "{port}")
        return Server("ours", _PROGRAM, arguments, cores=cores, folder=self.home, environment=environment)


@contextmanager
def prepared(release: Path, people: tuple[int, int] = (_SHOPPERS, _SESSIONS)) -> Iterator[Product]:
    """A product over a sealed release folder, with so many (shoppers, sessions of either sort); gone afterwards."""
    # Short: the path of a Unix socket holds about a hundred bytes.
    home = Path(tempfile.mkdtemp(prefix="rb"))
    store = EmbeddedValkey(home / "valkey")
    try:
        store.ensure()
        redis_url = f"unix://{store.socket}"
        yield Product(home, redis_url, _fill(home, redis_url, release, people))
    finally:
        store.leave()
        store.wait_until_stopped()
        shutil.rmtree(home, ignore_errors=True)


def _fill(home: Path, redis_url: str, release: Path, people: tuple[int, int]) -> Traffic:
    settings = Settings(
        home=home, redis_url=redis_url, database_url=_database(home), namespace="recsys", shopper_secret=None
    )
    stores, catalogue = open_stores(settings), Catalogue.load(release / "catalogue")
    try:
        _go_live(release, home, stores)
        drawn = draw_people(release, *people, now_ms())
        store_people(drawn, stores.online, catalogue.vocabulary)
        key = KeyRepository(stores.database, now_ms).create(Role.STOREFRONT, "bench")[1]
        traffic = Traffic(catalogue, drawn, key)
        ScenarioRepository(stores.database, now_ms).put(traffic.hall(), actor="bench")
        return traffic
    finally:
        stores.close()


def _go_live(release: Path, home: Path, stores: Stores) -> None:
    """Lay the release where training leaves it, and point at it.

    The process reads the folder. The store gets the manifest alone, so that nobody repairs its copy by carrying
    gigabytes there while something is measured.
    """
    (home / "releases").mkdir()
    (home / "releases" / release.name).symlink_to(release.absolute(), target_is_directory=True)
    stores.blobs.put(f"release:{release.name}:manifest", (release / MANIFEST).read_bytes())
    stores.online.set_live_release(release.name, now_ms())


def _environment(home: Path, redis_url: str) -> dict[str, str]:
    return {
        "RECSYS_HOME": str(home),
        "REDIS_URL": redis_url,
        "RECSYS_DATABASE_URL": _database(home),
        "RECSYS_NAMESPACE": "recsys",
    }


def _database(home: Path) -> str:
    return f"sqlite:///{home / 'recsys.db'}"
