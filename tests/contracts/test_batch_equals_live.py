"""`recsys recommend --histories` and `POST /v1/recommendations` with `events[]` give the same lists.

One release, a thousand histories, the real command against the real application on a real Valkey.
"""

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.testing import running_valkey
from recsys.cli import run
from recsys.config import ReleaseConfig
from recsys.release import push, seal
from recsys.testing import Shop, ShopSize, build_shop
from recsys.train import fit_release
from recsys.types import EventType
from serving.app import create_app
from serving.control.keys import KeyRepository
from serving.control.principals import Role
from serving.resources import compose
from serving.settings import Settings
from serving.stores import open_stores
from serving.times import now_ms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

QUERIES = 1_000
SLOT_QUERIES = 200
KINDS = [
    kind.value for kind in EventType if kind is not EventType.SERVED and kind is not EventType.IMPRESSION
]


@dataclass(frozen=True)
class Histories:
    """The same histories as a file for the batch and as bodies for the API."""

    file: Path
    bodies: list[dict[str, Any]]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(21, ShopSize(users=120))


@pytest.fixture(scope="module")
def release(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's folder inside a home folder."""
    home = tmp_path_factory.mktemp("home")
    draft = home / "draft"
    fit_release(shop.interactions, shop.items, {}, ReleaseConfig(), draft, seed=0)
    sealed = seal(
        draft, config={}, metrics={}, slices={}, data={"until": shop.end}, code_version="test", created_at=0
    )
    (home / "releases").mkdir()
    return draft.rename(home / "releases" / sealed.release_id)


@pytest.fixture(scope="module")
def histories(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Histories:
    generator = np.random.default_rng(4)
    known = [item.item_id for item in shop.items]
    rows, bodies = [], []
    for number in range(QUERIES):
        events = []
        for _ in range(int(generator.integers(0, 40))):
            item = "never-heard-of" if generator.random() < 0.05 else known[generator.integers(len(known))]
            events.append(
                {
                    "item_id": item,
                    "type": KINDS[generator.integers(len(KINDS))],
                    "timestamp": int(generator.integers(shop.start, shop.end)),
                }
            )
        rows.append({"query_id": f"问{number}", "as_of": shop.end, "events": events})
        bodies.append({"events": events, "num": 20, "slot": "any"})
    file = tmp_path_factory.mktemp("asked") / "histories.parquet"
    event = pa.struct([("item_id", pa.string()), ("type", pa.string()), ("timestamp", pa.int64())])
    schema = pa.schema([("query_id", pa.string()), ("as_of", pa.int64()), ("events", pa.list_(event))])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    return Histories(file, bodies)


def in_batch(release: Path, histories: Histories, slot: str) -> dict[str, list[str]]:
    """What the command writes."""
    out = histories.file.with_name(f"{slot}.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_HOME", str(release.parents[1]))
        arguments = ["--histories", histories.file, "--k", 20, "--out", out, "--release", release.name]
        arguments += ["--slot", slot]
        try:
            run(["recommend", *map(str, arguments)])
        except SystemExit as done:
            assert not done.code
    lists: dict[str, list[str]] = {}
    for row in pq.read_table(out).to_pylist():
        assert row["rank"] == len(lists.setdefault(row["query_id"], [])) + 1
        lists[row["query_id"]].append(row["item_id"])
    return lists


@pytest.fixture(scope="module")
def live(release: Path) -> Iterator[tuple[TestClient, str]]:
    folder = Path(tempfile.mkdtemp(prefix="be"))
    with running_valkey(folder) as client:
        url = f"unix://{client.connection_pool.connection_kwargs['path']}"
        settings = Settings(
            home=release.parents[1], redis_url=url, shopper_secret="0123456789abcdef" * 4, deadline_ms=10_000
        )
        resources = compose(settings, open_stores(settings))
        push(release, resources.stores.blobs)
        resources.stores.online.set_live_release(release.name, now_ms())
        key = KeyRepository(resources.stores.database, now_ms).create(Role.STOREFRONT, "test")[1]
        with TestClient(create_app(resources=resources)) as api:
            yield api, key
    shutil.rmtree(folder)


def test_a_thousand_histories_give_the_same_lists_in_batch_and_live(
    release: Path, histories: Histories, live: tuple[TestClient, str]
) -> None:
    batch = in_batch(release, histories, "any")
    for number, body in enumerate(histories.bodies):
        items = ask(live, body)
        assert len(items) == 20
        assert items == batch[f"问{number}"], body


@pytest.mark.parametrize("slot", ["home", "buy-again", "continue"])
def test_a_slot_gives_the_same_lists_in_batch_and_live(
    slot: str, release: Path, histories: Histories, live: tuple[TestClient, str]
) -> None:
    few = Histories(histories.file.with_name("few.parquet"), histories.bodies[:SLOT_QUERIES])
    pq.write_table(pq.read_table(histories.file).slice(0, SLOT_QUERIES), few.file)
    batch = in_batch(release, few, slot)
    assert len(batch) > SLOT_QUERIES / 2
    for number, body in enumerate(few.bodies):
        assert ask(live, {**body, "slot": slot}) == batch.get(f"问{number}", []), body


def ask(live: tuple[TestClient, str], body: dict[str, Any]) -> list[str]:
    """What the service answers."""
    api, key = live
    answer = api.post(
        "/v1/recommendations",
        content=json.dumps(body),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["degraded"] == []
    return [item["item_id"] for item in answer.json()["items"]]
