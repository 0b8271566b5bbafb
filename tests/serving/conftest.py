"""The HTTP service over a real release, a real Valkey and a real database; nothing is replaced by a stand-in."""

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog

from feature_store.database import make_engine, upgrade
from feature_store.online.keyspace import Keys
from feature_store.online.redis_link import Timeouts
from feature_store.online.redis_reads import RedisReads
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.server.connection import client_for
from feature_store.testing import running_valkey
from recsys.config import ReleaseConfig
from recsys.release import Manifest, push, seal
from recsys.testing import Shop, ShopSize, build_shop
from recsys.train import fit_release
from recsys.vocabulary import Vocabulary
from serving.app import create_app
from serving.control.keys import KeyRepository
from serving.control.principals import Role
from serving.control.tokens import sign_shopper_token
from serving.resources import Resources, compose
from serving.settings import Settings
from serving.stores import Stores, open_stores
from serving.times import now_ms

with warnings.catch_warnings():
    # It would rather have another HTTP client; what it does is the same.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

SECRET = "0123456789abcdef" * 4
SMALL = ShopSize(users=60, groups=4, items_per_group=20, sessions_per_user=6.0)


@dataclass(frozen=True)
class Made:
    """A sealed release and the shop it was made from."""

    shop: Shop
    folder: Path
    manifest: Manifest

    @property
    def release_id(self) -> str:
        return self.manifest.release_id

    @property
    def shopper(self) -> str:
        return self.shop.users[0].user_id


def make_release(shop: Shop, into: Path, seed: int = 0) -> Made:
    """Fit a shop; the folder is named after the release."""
    draft = into / f"draft-{seed}"
    attributes = {user.user_id: user.attributes for user in shop.users}
    fit_release(shop.interactions, shop.items, attributes, ReleaseConfig(), draft, seed=seed)
    manifest = seal(
        draft,
        config={"tracking": {"registered_model": "small-shop"}},
        metrics={"ndcg@20": 0.5},
        slices={},
        data={"until": shop.end},
        code_version="test",
        created_at=now_ms() - 60_000,
    )
    folder = into / manifest.release_id
    draft.rename(folder)
    return Made(shop, folder, manifest)


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> None:
    """Short lines: the default shows every variable of every frame, which takes seconds."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_release(build_shop(7, SMALL), tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def other_made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A release of a shop that sells other things: no item is in both."""
    return make_release(_renamed(build_shop(8, SMALL)), tmp_path_factory.mktemp("others"), seed=1)


def _renamed(shop: Shop) -> Shop:
    items = tuple(replace(item, item_id=f"other-{item.item_id}") for item in shop.items)
    interactions = replace(shop.interactions, items=Vocabulary(item.item_id for item in items))
    return replace(shop, items=items, interactions=interactions)


@pytest.fixture(scope="session")
def valkey() -> Iterator[redis.Redis]:
    folder = Path(tempfile.mkdtemp(prefix="rf"))
    with running_valkey(folder) as client:
        yield client
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_url(valkey: redis.Redis) -> str:
    return f"unix://{valkey.connection_pool.connection_kwargs['path']}"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "recsys.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


class Api:
    """A running application and the keys to it."""

    client: TestClient

    def __init__(self, resources: Resources, made: Made | None) -> None:
        self.resources = resources
        self.made = made
        keys = KeyRepository(resources.stores.database, now_ms)
        self.keys = {role.value: keys.create(role, role.value)[1] for role in Role}
        self.keys["browser"] = keys.create(Role.STOREFRONT, "page", browser=True)[1]

    def call(self, method: str, path: str, key: str | None = "storefront", **more: Any) -> Any:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {self.keys[key]}"
        if token := more.pop("shopper", None):
            headers["X-Shopper-Token"] = sign_shopper_token(token, now_ms() + 60_000, SECRET)
        return self.client.request(method, path, headers=headers, **more)

    def recommend(self, key: str = "storefront", **body: Any) -> Any:
        return self.call("POST", "/v1/recommendations", key, json=body)

    def items(self, **body: Any) -> list[str]:
        answer = self.recommend(**body)
        assert answer.status_code == 200, answer.text
        return [item["item_id"] for item in answer.json()["items"]]

    def publish(self, made: Made) -> None:
        """Make a release live, as the training side does; the process has yet to follow."""
        publish(self.resources, made)

    def settle(self) -> None:
        """Wait until what is noted after answers is written."""
        assert self.resources.after.flush()


OpenApi = Callable[..., Api]


def settings_for(home: Path, redis_url: str, **more: Any) -> Settings:
    return Settings(
        home=home,
        redis_url=redis_url,
        namespace=f"t{uuid.uuid4().hex[:12]}",
        shopper_secret=SECRET,
        **{"deadline_ms": 10_000, "feature_log_per_s": 10_000, **more},
    )


def publish(resources: Resources, made: Made) -> None:
    push(made.folder, resources.stores.blobs)
    resources.stores.online.set_live_release(made.release_id, now_ms())


def open_in(
    stack: ExitStack,
    home: Path,
    settings: Settings,
    database: Path,
    made: Made | None,
    opened: Callable[[Settings], Stores] | None = None,
) -> Api:
    home.mkdir(exist_ok=True)
    if not (home / "recsys.db").exists():
        shutil.copy(database, home / "recsys.db")
    resources = compose(settings, (opened or patient)(settings))
    if made is not None:
        publish(resources, made)
    api = Api(resources, made)  # makes the keys, which the application reads when it is made
    api.client = TestClient(create_app(resources=resources), raise_server_exceptions=False)
    stack.enter_context(api.client)
    resources.releases.follow()  # waits for the thread that does the same
    return api


def patient(settings: Settings) -> Stores:
    """The stores of these settings, on a machine that may be too busy to answer within the 50 ms of production."""
    client, timeouts = client_for(settings), Timeouts(read_s=5.0)
    online = RedisOnlineStore.of(client, settings, timeouts)
    reads = RedisReads(client, Keys(settings.namespace), settings.history_length, timeouts)
    return replace(open_stores(settings), online=online, reads=reads)


@pytest.fixture
def open_api(redis_url: str, tmp_path: Path, empty_database: Path, made: Made) -> Iterator[OpenApi]:
    """Opens an application of its own; `made=None` for one without a release."""
    with ExitStack() as stack:

        def open_one(
            made: Made | None = made,
            settings: Settings | None = None,
            home: Path = tmp_path,
            opened: Callable[[Settings], Stores] | None = None,
        ) -> Api:
            chosen = settings or settings_for(home, redis_url)
            return open_in(stack, home, chosen, empty_database, made, opened)

        yield open_one


@pytest.fixture(scope="module")
def api(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory, empty_database: Path, made: Made
) -> Iterator[Api]:
    """One application for the tests of a module."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        yield open_in(stack, home, settings_for(home, redis_url), empty_database, made)


@pytest.fixture
def online(api: Api) -> RedisOnlineStore:
    store = api.resources.stores.online
    assert isinstance(store, RedisOnlineStore)
    return store
