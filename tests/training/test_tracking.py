"""Runs and versions in a real MLflow on SQLite."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from training.errors import TrackingAwayError
from training.registry import Registry
from training.tracking import RunRecord, connect, record_run, tracking_uri, ui_command

pytestmark = pytest.mark.xdist_group("training")


@pytest.fixture
def tracked(tmp_path: Path, mlflow_template: Path) -> Path:
    shutil.copy(mlflow_template, tmp_path / "mlflow.db")
    return tmp_path


def run(home: Path, **fields: Any) -> RunRecord:
    folder = home / "made"
    folder.mkdir(exist_ok=True)
    (folder / "模型.json").write_text("{}", "utf-8")
    values: dict[str, Any] = {
        "name": "r1",
        "params": {"model.als.alpha": 2.0},
        "metrics": {"ndcg@20": 0.34, "ALS defaults.ndcg@20.new": 0.04},
        "tags": {"release_id": "abc"},
        "started_at": 1_700_000_000_000,
        "folders": {"release": folder},
    }
    return RunRecord(**{**values, **fields})


def test_a_run_is_written_whole_and_finished(tracked: Path) -> None:
    client = connect(tracked)
    run_id = record_run(client, tracked, "recsys", run(tracked))
    found = client.get_run(run_id)
    assert found.info.status == "FINISHED"
    assert found.info.start_time == 1_700_000_000_000
    assert found.data.params == {"model.als.alpha": "2.0"}
    assert found.data.metrics == {"ndcg_at_20": 0.34, "ALS defaults.ndcg_at_20.new": 0.04}
    assert [item.path for item in client.list_artifacts(run_id, "release")] == ["release/模型.json"]
    assert (tracked / "mlartifacts").is_dir()


def test_a_very_long_parameter_is_cut_not_refused(tracked: Path) -> None:
    client = connect(tracked)
    run_id = record_run(client, tracked, "recsys", run(tracked, params={"long": "长" * 10_000}))
    assert set(client.get_run(run_id).data.params["long"]) == {"长"}


def test_runs_share_one_experiment(tracked: Path) -> None:
    client = connect(tracked)
    ids = [record_run(client, tracked, "recsys", run(tracked)) for _ in range(2)]
    assert len({client.get_run(run_id).info.experiment_id for run_id in ids}) == 1


def test_a_release_is_one_version_and_aliases_move(tracked: Path) -> None:
    client = connect(tracked)
    registry = Registry(client, tracked, "recsys")
    run_id = record_run(client, tracked, "recsys", run(tracked))
    assert registry.alias("champion") is None
    assert registry.register(run_id, "aaa", "# card") == registry.register(run_id, "aaa", "# card") == "1"
    assert registry.register(run_id, "bbb", "# card") == "2"
    assert registry.crown("aaa")
    registry.challenge("bbb")
    assert (registry.alias("champion"), registry.alias("challenger")) == ("aaa", "bbb")
    assert registry.crown("bbb", {"forced": "true", "overridden": "长" * 9_000})
    assert registry.tags("bbb")["forced"] == "true"
    assert set(registry.tags("bbb")["overridden"]) == {"长"}
    assert registry.tags("zzz") == {}
    assert (registry.alias("champion"), registry.alias("challenger")) == ("bbb", None)


def test_a_release_mlflow_never_saw_cannot_be_crowned(tracked: Path) -> None:
    assert not Registry(connect(tracked), tracked, "recsys").crown("zzz")


def test_the_address_comes_from_the_environment_else_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert ui_command(tmp_path) == f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker:5000")
    assert tracking_uri(tmp_path) == "http://tracker:5000"
    assert ui_command(tmp_path) == "open http://tracker:5000"


def test_a_server_that_is_away_is_said_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:geheim@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(
        TrackingAwayError, match=r"http://user:\*\*\*@127\.0\.0\.1:9.*MLFLOW_TRACKING_URI"
    ) as raised:
        record_run(connect(tmp_path), tmp_path, "recsys", run(tmp_path))
    assert "geheim" not in str(raised.value)


def test_a_broken_database_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"not a database, " * 200)
    with pytest.raises(TrackingAwayError, match=r"mlflow\.db' does not answer"):
        connect(tmp_path)
