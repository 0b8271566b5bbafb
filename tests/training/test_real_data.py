"""Training on a slice of real purchases: 300 households of Complete Journey, all they bought in a year."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pytest
from rich.console import Console

from feature_store.history import item_history, user_history
from feature_store.importers.complete_journey import complete_journey
from feature_store.log import EventLog
from feature_store.settings import StoreSettings
from training.config import TrainingConfig
from training.figures import Evaluation
from training.report import Steps
from training.resources import open_shop
from training.train import Options, train

DATASETS = os.environ.get("RECSYS_DATASETS")
NOW = 1_600_000_000_000
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # the whole path on real purchases, on a machine that may be busy
    pytest.mark.xdist_group("training"),
    pytest.mark.skipif(DATASETS is None, reason="RECSYS_DATASETS is not set (CI sets it)"),
]


@pytest.fixture(scope="module")
def slice_home(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("cj")
    source = complete_journey(Path(str(DATASETS)) / "dunnhumby_complete_journey")
    bought: set[str] = set()
    for table in source.events():
        few = table.filter(pc.less(pc.cast(table["user_id"], "int64"), 310))
        bought |= set(few["item_id"].to_pylist())
        EventLog(home / "events").append(few, "slice")
    item_history(home).import_all([item for item in source.items if item.item_id in bought], NOW)
    user_history(home).import_all(source.users, NOW)
    shutil.copy(mlflow_template, home / "mlflow.db")
    yield home


@pytest.fixture(scope="module")
def trained(slice_home: Path) -> Evaluation:
    with open_shop(StoreSettings(home=slice_home, redis_url=None), TrainingConfig()) as shop:
        return train(shop, Options(), Steps(Console(quiet=True))).evaluation


def test_two_hundred_households_and_more_are_asked(trained: Evaluation) -> None:
    assert len(trained.exam.questions["all"]) > 200
    assert trained.exam.split.days == pytest.approx(28)


def test_the_release_is_above_every_mark_on_all_items(trained: Evaluation) -> None:
    release = trained.of("release", "all").interval("ndcg@20").mean
    for system in trained.systems()[1:]:
        assert release > trained.of(system, "all").interval("ndcg@20").mean, system


def test_the_release_is_above_popularity_and_als_on_new_items(trained: Evaluation) -> None:
    release = trained.of("release", "new").interval("ndcg@20").mean
    for system in ("recent popularity", "ALS defaults"):
        assert release > trained.of(system, "new").interval("ndcg@20").mean, system
