"""The TOML of a training run: the shipped file, and what is refused."""

from pathlib import Path

import pytest

from recsys.config_files import config_path
from recsys.errors import ConfigError
from training.config import TrainingConfig, default_toml, load_config


def test_the_shipped_file_spells_out_the_defaults() -> None:
    assert load_config(None) == TrainingConfig()


def test_the_shipped_file_is_what_the_models_say() -> None:
    """When this fails: python -m training.config > configs/default.toml"""
    assert config_path("default.toml").read_text("utf-8") == default_toml()


def test_a_shops_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "店铺.toml"
    path.write_text("seed = 7\n[split]\ntest_days = 14\n", "utf-8")
    config = load_config(path)
    assert (config.seed, config.split.test_days, config.split.largest_share) == (7, 14, 0.25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[split]\ndays = 3", r"unknown key 'split\.days'"),
        ("[split]\ntest_days = 0", r"split\.test_days = 0: .*greater than 0"),
        ("[split]\ntest_days = 'many'", r"split\.test_days = 'many': .*valid number"),
        ("[split", "is not TOML"),
        ("seed = -1", "seed = -1"),
        (
            "[gate]\nmetric = 'ctr@20'",
            r"shop\.toml: gate\.metric 'ctr@20' is not measured; choose one of ndcg@10, ",
        ),
        ("[evaluation]\nk = [5]", r"gate\.metric 'ndcg@20' is not measured; choose one of ndcg@5, "),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml.*No such file"):
        load_config(tmp_path / "nowhere.toml")


def test_a_read_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainingConfig().seed = 3  # type: ignore[misc]
