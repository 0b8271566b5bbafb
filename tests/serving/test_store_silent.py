"""A store that stands still, as a swapped-out or paused server does: one request waits for it, the others do not."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feature_store.online.contract import ShopperState
from feature_store.online.keyspace import Keys
from feature_store.online.redis_link import Timeouts
from feature_store.online.redis_reads import RedisReads
from feature_store.server.connection import client_for
from feature_store.testing import running_valkey
from serving.settings import Settings
from serving.stores import Stores, open_stores
from serving.times import now_ms


class Counted(RedisReads):
    """The product's reads of shoppers, noting for whom."""

    def __init__(self, *more: Any) -> None:
        super().__init__(*more)
        self.asked: list[str | None] = []

    async def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        self.asked.append(user_id)
        return await super().shopper(user_id, session_id)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="rs"))
    yield made
    shutil.rmtree(made)


def counted(settings: Settings) -> Stores:
    """Stores of which reads are counted."""
    client = client_for(settings)
    reads = Counted(client, Keys(settings.namespace), settings.history_length, Timeouts(read_s=0.5))
    return replace(open_stores(settings), reads=reads)


def test_one_request_waits_and_lists_go_on_until_the_store_is_back(open_api: Any, folder: Path) -> None:
    with running_valkey(folder) as client:
        usual = open_api().resources.settings
        settings = usual.model_copy(update={"redis_url": f"unix://{folder / 'valkey.sock'}"})
        api = open_api(settings=settings, opened=counted)
        asked = api.resources.stores.reads.asked
        assert api.recommend(user_id="u").json()["degraded"] == []
        process = int(client.info()["process_id"])
        os.kill(process, signal.SIGSTOP)
        try:
            asked.clear()
            for number in range(40):
                answer = api.recommend(user_id=f"u{number}").json()
                assert answer["degraded"] == ["online_features"]
                assert len(answer["items"]) == 20
            assert asked == ["u0"]
        finally:
            os.kill(process, signal.SIGCONT)
        deadline = now_ms() + 20_000
        while api.recommend(user_id="u").json()["degraded"] and now_ms() < deadline:
            pass
        assert api.recommend(user_id="u").json()["degraded"] == []
