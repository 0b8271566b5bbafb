from pathlib import Path

import pytest

from feature_store.settings import StoreSettings
from recsys.errors import ConfigError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "TIMEZONE", "DATABASE_URL", "NAMESPACE", "HISTORY_LENGTH"):
        monkeypatch.delenv(f"RECSYS_{name}", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def test_without_environment_everything_lives_under_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = StoreSettings()
    assert settings.home == tmp_path / ".recsys"
    assert settings.database_url == f"sqlite:///{tmp_path}/.recsys/recsys.db"
    assert settings.redis_url is None
    assert settings.events_folder == tmp_path / ".recsys" / "events"
    assert settings.valkey_folder == tmp_path / ".recsys" / "valkey"


def test_the_environment_is_read_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_HOME", "/srv/shop")
    monkeypatch.setenv("REDIS_URL", "redis://cache:6379/1")
    monkeypatch.setenv("RECSYS_TIMEZONE", "Asia/Shanghai")
    settings = StoreSettings(redis_url=None)
    assert settings.home == Path("/srv/shop")
    assert settings.zone.key == "Asia/Shanghai"
    assert StoreSettings().redis_url == "redis://cache:6379/1"
    assert settings.redis_url is None


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("RECSYS_HISTORY_LENGTH", "")
    assert StoreSettings().redis_url is None
    assert StoreSettings().history_length == 500


def test_a_postgresql_address_gets_the_driver_that_is_installed() -> None:
    settings = StoreSettings(database_url="postgresql://shop@db/recsys")
    assert settings.database_url == "postgresql+psycopg://shop@db/recsys"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RECSYS_TIMEZONE", "Mars/Olympus"),
        ("REDIS_URL", "http://cache"),
        ("RECSYS_DATABASE_URL", "mysql://db"),
        ("RECSYS_NAMESPACE", "a{b}"),
        ("RECSYS_HISTORY_LENGTH", "0"),
        ("RECSYS_HISTORY_LENGTH", "many"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable):
        StoreSettings.load()


def test_addresses_with_passwords_are_neither_shown_nor_repeated_in_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = StoreSettings(redis_url="redis://:hunter2@cache", database_url="postgresql://a:hunter2@db/x")
    assert "hunter2" not in repr(settings)
    monkeypatch.setenv("REDIS_URL", "http://:hunter2@cache")
    with pytest.raises(ConfigError) as caught:
        StoreSettings.load()
    assert "hunter2" not in str(caught.value)


def test_settings_are_frozen_and_know_no_other_names() -> None:
    with pytest.raises(ConfigError, match="COLOUR"):
        StoreSettings.load(colour="red")
    with pytest.raises(ValueError, match="frozen"):
        StoreSettings().namespace = "x"  # type: ignore[misc]
