"""A story that goes wrong names its step and ends; one that is told keeps serving until it is stopped."""

import io
import socket
import threading
from pathlib import Path

import pytest
from rich.console import Console

from recsys.errors import ConfigError
from serving.demo.screen import Screen
from serving.demo.service import Service, VerbError, verb_output
from serving.demo.story import run, stay
from serving.settings import Settings


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.load(home=tmp_path_factory.mktemp("h"), host="127.0.0.1", port=0)


def test_a_step_that_fails_is_named_and_ends_the_story(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.StringIO()
    monkeypatch.setenv("RECSYS_TIMEZONE", "Nowhere/Atall")
    code = run(settings, shop="complete-journey", check=True, screen=Screen(Console(file=text, width=200)))
    assert code == 1
    assert "step 'import' failed" in text.getvalue()
    assert "`recsys data import complete-journey` ended with code 2" in text.getvalue()
    assert "2." not in text.getvalue()


def test_there_are_stories_of_known_shops_only(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"'corner-shop'; there are: complete-journey"):
        run(settings, shop="corner-shop", check=True)


def test_what_a_verb_prints_is_given_back(settings: Settings) -> None:
    key = verb_output(settings, "keys", "create", "--role", "storefront")
    assert key.startswith("rk_")


def test_a_verb_that_is_refused_is_told_with_its_own_words(settings: Settings) -> None:
    with pytest.raises(
        VerbError, match=r"`recsys keys revoke nope` ended with code 2: error: there is no key 'nope'"
    ):
        verb_output(settings, "keys", "revoke", "nope")


def test_a_service_that_cannot_start_is_told_with_its_last_words(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            Service(settings, port, print) as service,
            pytest.raises(VerbError, match=f"port {port} .* is taken"),
        ):
            service.wait_until_ready()
    assert not service.runs


class Ends:
    """A service that has ended after three looks."""

    def __init__(self) -> None:
        self.looks = 0

    @property
    def runs(self) -> bool:
        self.looks += 1
        return self.looks < 3


def test_the_demo_ends_with_its_service() -> None:
    service = Ends()
    stay(service, threading.Event(), pause_s=0.01)
    assert service.looks == 3


def test_the_demo_ends_when_it_is_asked_to() -> None:
    asked, service = threading.Event(), Ends()
    asked.set()
    stay(service, asked, pause_s=60)
    assert service.looks <= 1


def test_a_log_that_is_not_there_does_not_hide_the_trouble(settings: Settings, tmp_path: Path) -> None:
    service = Service(settings, 1, print)
    with pytest.raises(VerbError, match="the service ended"):
        service.wait_until_ready()
