"""Shipped configuration files are found in a checkout and in a wheel."""

from pathlib import Path

import pytest

from recsys.config_files import config_path
from recsys.errors import ConfigError


def test_the_seed_of_the_scenarios_is_found() -> None:
    assert config_path("scenarios.toml").read_text(encoding="utf-8").startswith("#")


def test_the_wheels_copy_wins_over_a_folder_beside_the_package(tmp_path: Path) -> None:
    wheel, beside = tmp_path / "_configs", tmp_path / "configs"
    for folder in (wheel, beside):
        folder.mkdir()
        (folder / "default.toml").write_text(folder.name)
    assert config_path("default.toml", (wheel, beside)).read_text() == "_configs"
    (wheel / "default.toml").unlink()
    assert config_path("default.toml", (wheel, beside)).read_text() == "configs"


def test_an_unknown_name_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    (tmp_path / "default.toml").touch()
    with pytest.raises(ConfigError, match=r"'defualt.toml'.*default\.toml"):
        config_path("defualt.toml", (tmp_path,))
