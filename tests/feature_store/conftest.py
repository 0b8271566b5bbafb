"""One real Valkey for the session, on a Unix socket in a short temporary folder; every test has its own
namespace."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from feature_store.online.redis_link import Timeouts
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.testing import running_valkey


@pytest.fixture
def short_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rc"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def valkey() -> Iterator[redis.Redis]:
    folder = Path(tempfile.mkdtemp(prefix="rc"))
    with running_valkey(folder) as client:
        yield client
    shutil.rmtree(folder)


@pytest.fixture
def namespace() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def redis_store(valkey: redis.Redis, namespace: str) -> Iterator[RedisOnlineStore]:
    store = RedisOnlineStore(valkey, namespace, history_length=50, timeouts=Timeouts(read_s=5.0))
    yield store
    store.close()
