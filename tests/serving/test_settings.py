"""Serving's settings: read from the environment, unsafe values refused with the variable's name."""

from pathlib import Path

import pytest

from recsys.errors import ConfigError
from serving.settings import Settings, refuse_open_browser_keys


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "HOST",
        "PORT",
        "DEADLINE_MS",
        "FEATURE_LOG_SHARE",
        "CORS_ORIGINS",
        "SHOPPER_SECRET",
        "LOG_LEVEL",
    ):
        monkeypatch.delenv(f"RECSYS_{name}", raising=False)
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path))


def test_nothing_set_listens_on_this_machine_only() -> None:
    settings = Settings.load()
    assert (settings.host, settings.port, settings.deadline_ms) == ("127.0.0.1", 8000, 50.0)
    assert settings.cors_origins == ()
    assert settings.shopper_secret is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("RECSYS_PORT", "9001")
    monkeypatch.setenv("RECSYS_DEADLINE_MS", "80")
    monkeypatch.setenv("RECSYS_CORS_ORIGINS", "https://shop.example, http://localhost:3000")
    settings = Settings.load()
    assert (settings.host, settings.port, settings.deadline_ms) == ("0.0.0.0", 9001, 80.0)  # noqa: S104
    assert settings.cors_origins == ("https://shop.example", "http://localhost:3000")


def test_what_the_command_line_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_PORT", "9001")
    assert Settings.load(port=9002).port == 9002


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "65536", "less than or equal to 65535"),
        ("PORT", "http", "integer"),
        ("DEADLINE_MS", "0", "greater than 0"),
        ("FEATURE_LOG_PER_S", "-1", "greater than or equal to 0"),
        ("HOST", "http://shop.example", "without scheme"),
        ("HOST", " ", "not a host"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("CORS_ORIGINS", "shop.example", "scheme and host only"),
        ("CORS_ORIGINS", "https://shop.example/", "scheme and host only"),
        ("CORS_ORIGINS", "https://me:secret@shop.example", "scheme and host only"),
        ("CORS_ORIGINS", "https://shop.example:port", "scheme and host only"),
        ("CORS_ORIGINS", "null", "scheme and host only"),
        ("CORS_ORIGINS", "*,https://shop.example", "remove one or the other"),
        ("SHOPPER_SECRET", "short", "openssl rand -hex 32"),
    ],
)
def test_an_unsafe_value_is_refused_with_its_variable_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"RECSYS_{name}", value)
    with pytest.raises(ConfigError) as refusal:
        Settings.load()
    assert f"RECSYS_{name}" in str(refusal.value)
    assert reason in str(refusal.value)


def test_a_secret_of_32_characters_is_long_enough_and_31_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SHOPPER_SECRET", "x" * 32)
    assert Settings.load().shopper_secret is not None
    monkeypatch.setenv("RECSYS_SHOPPER_SECRET", "x" * 31)
    with pytest.raises(ConfigError, match="31 characters"):
        Settings.load()


def test_a_secret_appears_in_no_message_and_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SHOPPER_SECRET", "mild-cheddar")
    with pytest.raises(ConfigError) as refusal:
        Settings.load()
    assert "mild-cheddar" not in str(refusal.value)
    monkeypatch.setenv("RECSYS_SHOPPER_SECRET", "mild-cheddar" * 4)
    assert "mild-cheddar" not in repr(Settings.load())


def test_every_origin_and_a_browser_key_together_are_refused() -> None:
    open_to_all = Settings.load(cors_origins="*")
    refuse_open_browser_keys(open_to_all, any_browser_key=False)
    with pytest.raises(ConfigError, match="every web page"):
        refuse_open_browser_keys(open_to_all, any_browser_key=True)
    refuse_open_browser_keys(Settings.load(cors_origins="https://shop.example"), any_browser_key=True)
