"""The file a search leaves behind."""

from pathlib import Path

from training.config import TrainingConfig
from training.tune.outcome import changed_keys, changed_toml, digest
from training.tune.space import GROUPS, applied


def test_a_file_holds_only_what_differs_and_reads_back(tmp_path: Path) -> None:
    config = applied(TrainingConfig(), {"model.als.alpha": 3.5, "model.retrieval.candidates.own": 11})
    text = changed_toml(config, ["said by a test"])
    assert text.splitlines()[0] == "# said by a test"
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[model.als]",
        "[model.retrieval]",
    ]
    assert "alpha = 3.5" in text
    (tmp_path / "tuned.toml").write_text(text, "utf-8")
    assert TrainingConfig.read(tmp_path / "tuned.toml") == config


def test_every_key_that_is_searched_can_be_written(tmp_path: Path) -> None:
    highest = {key: span.high for group in GROUPS.values() for key, span in group.items()}
    config = applied(TrainingConfig(), highest)
    (tmp_path / "tuned.toml").write_text(changed_toml(config), "utf-8")
    assert TrainingConfig.read(tmp_path / "tuned.toml") == config


def test_the_dial_and_a_choice_left_open_come_back(tmp_path: Path) -> None:
    model = {"size": "large", "retrieval": {"own_fading": {"days": 3.0}}}
    config = TrainingConfig.model_validate({"seed": 4, "model": model})
    (tmp_path / "tuned.toml").write_text(changed_toml(config), "utf-8")
    assert TrainingConfig.read(tmp_path / "tuned.toml") == config


def test_the_defaults_need_no_line() -> None:
    assert changed_toml(TrainingConfig()).strip() == ""


def test_changed_keys_say_what_was_and_what_is() -> None:
    config = applied(TrainingConfig(), {"model.ranker.trees": 33})
    assert changed_keys(TrainingConfig(), config) == {
        "model.ranker.trees": (TrainingConfig().model.ranker.trees, 33)
    }


def test_a_digest_follows_what_decides_a_figure_and_nothing_else() -> None:
    plain = TrainingConfig()
    assert digest(plain) != digest(applied(plain, {"model.ranker.trees": 33}))
    assert digest(plain) == digest(applied(plain, {"gate.least_shoppers": 99, "tracking.experiment": "x"}))
