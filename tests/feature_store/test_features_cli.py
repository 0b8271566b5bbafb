"""`recsys features`: build, validate, explain, list, on a small shop."""

from importlib.metadata import EntryPoint
from pathlib import Path

import orjson
import pytest

from feature_store.log.parts import DAY
from feature_store.views.standard import VIEWS
from feature_store.views.testing import START, random_shop
from recsys.cli import run

VERB = EntryPoint("features", "feature_store.features_cli:features", "recsys.commands")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path))
    monkeypatch.setenv("RECSYS_TIMEZONE", "Asia/Shanghai")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def features(*words: str) -> int:
    return run(["features", *words], [VERB])


def test_a_build_is_shown_validated_listed_and_explained(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random_shop(home, seed=5, days=8)
    assert features("build", "user_value", "item_sales") == 0
    shown = capsys.readouterr().out
    assert "user_value" in shown
    # The last events are of the eighth day in UTC, the ninth in Shanghai, whose midnight is 16 o'clock UTC.
    assert "16:00:00.000Z" in shown
    assert features("validate", "--json") == 0
    first, _ = orjson.loads(capsys.readouterr().out)
    assert (first["view"], first["status"], first["until"] % DAY) == ("user_value", "WARN", 16 * DAY // 24)
    assert features("list", "--json") == 0
    listed = {row["name"]: row for row in orjson.loads(capsys.readouterr().out)}
    assert set(listed) == set(VIEWS)
    assert listed["user_value"]["last_build"]["rows"] > 0
    assert listed["session"]["last_build"] is None
    assert features("list") == 0
    assert features("explain", "user_activity", "u2", "--limit", "3") == 0
    assert "active_days" in capsys.readouterr().out
    assert features("explain", "user_activity", "u2", "--json") == 0
    assert orjson.loads(capsys.readouterr().out)["rows"][0]["user_id"] == "u2"


def test_a_failed_gate_ends_with_exit_code_1(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random_shop(home, seed=5, days=8)
    day = "2024-03-"
    assert features("build", "user_activity", "--until", f"{day}25") == 0
    (home / "events").rename(home / "gone")
    assert features("build", "user_activity", "--until", str(START + 60 * DAY)) == 1
    assert features("validate") == 1
    assert "rows_change" in capsys.readouterr().out


def test_what_cannot_be_done_is_said_with_the_next_step(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (("build",), "recsys data import"),
        (("validate",), "recsys features build"),
        (("build", "nothing"), "there is no view 'nothing'"),
        (("build", "--engine", "pandas"), "duckdb or spark"),
        (("build", "--until", "yesterday"), "--until"),
    ):
        assert features(*words) == 2
        assert said in capsys.readouterr().err
