"""The signing secret: the environment's, else one that is made once and kept from other eyes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recsys.errors import ConfigError
from serving.control.secret_file import shopper_secret
from serving.settings import Settings


def test_the_environments_secret_is_used_and_no_file_made(tmp_path: Path) -> None:
    assert shopper_secret(Settings.load(home=tmp_path, shopper_secret="s" * 40)) == "s" * 40
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "new")
    secret = shopper_secret(settings)
    assert len(secret) == 64
    assert shopper_secret(settings) == secret
    assert stat.S_IMODE(settings.secrets_file.stat().st_mode) == 0o600


def test_processes_that_start_at_once_share_one_secret_and_leave_no_drafts(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: shopper_secret(settings), range(32)))
    assert len(secrets) == 1
    assert list(tmp_path.iterdir()) == [settings.secrets_file]


def test_a_file_that_others_can_read_is_refused_with_the_command(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    shopper_secret(settings)
    settings.secrets_file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        shopper_secret(settings)


@pytest.mark.parametrize("content", ["", "[]", '{"other": "x"}', '{"shopper_secret": "short"}'])
def test_a_damaged_file_is_refused_rather_than_replaced(tmp_path: Path, content: str) -> None:
    settings = Settings.load(home=tmp_path)
    settings.secrets_file.write_text(content)
    settings.secrets_file.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no 'shopper_secret'"):
        shopper_secret(settings)
    assert settings.secrets_file.read_text() == content
