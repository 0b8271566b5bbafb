"""The file a search leaves behind."""

from pathlib import Path

import pytest

from recsys.errors import ConfigError
from training.config import TrainingConfig
from training.tune.outcome import changed_keys, changed_toml, digest
from training.tune.space import GROUPS, applied


def test_a_file_holds_only_what_differs_and_reads_back(tmp_path: Path) -> None:
    config = applied(TrainingConfig(), {"model.als.alpha": 3.5, "model.retrieval.candidates.own": 11})
    text = changed_toml(config, ["said by a test"])
    assert text.splitlines()[0] == "# said by a test"
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[model]",
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


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_key_that_says_what_medium_says_is_not_left_to_the_dial(tmp_path: Path, size: str) -> None:
    usual = TrainingConfig().model
    said = {
        "size": size,
        "als": {"embedding_size": usual.als.embedding_size},
        "ranker": {"trees": usual.ranker.trees},
        "retrieval": {"candidates": {"own": usual.retrieval.candidates["own"]}},
    }
    config = TrainingConfig.model_validate({"model": said})
    (tmp_path / "tuned.toml").write_text(changed_toml(config), "utf-8")
    found = TrainingConfig.read(tmp_path / "tuned.toml")
    assert found == config
    assert found.model.als.embedding_size == usual.als.embedding_size


def test_what_would_read_back_as_something_else_is_refused() -> None:
    """A name that TOML cannot take bare; candidates that nothing has checked, with sources that reading fills in."""
    dotted = TrainingConfig.model_validate({"model": {"blend": {"weights": {"own.items": 1.0}}}})
    with pytest.raises(ConfigError, match=r"model\.blend\.weights\.own"):
        changed_toml(dotted)
    model = TrainingConfig().model
    retrieval = model.retrieval.model_copy(update={"candidates": {"own": 7}})
    partial = TrainingConfig().model_copy(update={"model": model.model_copy(update={"retrieval": retrieval})})
    with pytest.raises(ConfigError, match=r"reads back with other.*candidates\.linked"):
        changed_toml(partial)


def test_the_defaults_need_no_line_but_the_size() -> None:
    assert changed_toml(TrainingConfig()).split() == ["[model]", "size", "=", '"medium"']


def test_the_size_alone_needs_no_other_line() -> None:
    text = changed_toml(TrainingConfig.model_validate({"model": {"size": "large"}}))
    assert text.split() == ["[model]", "size", "=", '"large"']


def test_changed_keys_say_what_was_and_what_is() -> None:
    config = applied(TrainingConfig(), {"model.ranker.trees": 33})
    assert changed_keys(TrainingConfig(), config) == {
        "model.ranker.trees": (TrainingConfig().model.ranker.trees, 33)
    }


def test_a_digest_follows_what_decides_a_figure_and_nothing_else() -> None:
    plain = TrainingConfig()
    assert digest(plain) != digest(applied(plain, {"model.ranker.trees": 33}))
    assert digest(plain) == digest(applied(plain, {"gate.least_shoppers": 99, "tracking.experiment": "x"}))
