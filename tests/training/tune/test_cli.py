"""`recsys tune` as a person types it."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from recsys.cli import run
from training.config import TrainingConfig
from training.resources import Shop

pytestmark = pytest.mark.xdist_group("training")
VERB = EntryPoint("tune", "training.cli:tune", "recsys.commands")
CONFIG = """
[split]
least_shoppers = 5
[tuning]
queries = 20
[model]
size = "small"
[model.als]
embedding_size = 8
[model.ranker]
enabled = false
"""


def test_a_search_ends_with_a_file_that_training_reads(
    shop: Shop, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(home))
    for name in ("REDIS_URL", "MLFLOW_TRACKING_URI", "RECSYS_TIMEZONE", "RECSYS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (home / "given.toml").write_text(CONFIG)
    out = home / "tuned.toml"
    words = [
        "tune",
        "--trials",
        "2",
        "--study",
        "mine",
        "--config",
        str(home / "given.toml"),
        "--out",
        str(out),
    ]
    assert run(words, [VERB]) == 0
    shown, told = capsys.readouterr()
    assert "NDCG on the validation window" in shown
    assert f"recsys train --config {out}" in "".join(shown.splitlines())
    assert "study mine has 0 trials" in told
    found = TrainingConfig.read(out)
    assert (found.model.size, found.model.als.embedding_size) == ("small", 8)
    assert (home / "tuning" / "mine" / "study.log").is_file()


def test_another_configuration_under_the_same_name_is_refused(
    shop: Shop, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(home))
    monkeypatch.delenv("REDIS_URL", raising=False)
    for seed, code in (("1", 0), ("2", 2)):
        (home / "given.toml").write_text(f"seed = {seed}\n{CONFIG}")
        words = ["tune", "--timeout", "0", "--study", "mine", "--config", str(home / "given.toml")]
        assert run([*words, "--out", str(home / "tuned.toml")], [VERB]) == code
    assert "recsys tune --study NAME" in capsys.readouterr().err
