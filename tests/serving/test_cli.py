"""The verbs of serving as a person and a script meet them."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from feature_store.log import EventLog
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.records.codec import event_to_dict
from feature_store.server.connection import connect, disconnect
from feature_store.settings import StoreSettings
from recsys.errors import ConfigError, InputError
from recsys.types import Event, EventType
from serving import cli

Run = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path))
    for name in ("REDIS_URL", "RECSYS_DATABASE_URL", "RECSYS_CORS_ORIGINS", "RECSYS_PORT", "RECSYS_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    def call(app: object, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), catch_exceptions=False)  # type: ignore[arg-type]

    return call


def test_a_new_key_is_all_that_goes_to_stdout(run: Run) -> None:
    done = run(cli.keys, "create", "--role", "storefront", "--browser", "--name", "首页")
    assert done.exit_code == 0
    assert re.fullmatch(r"rk_[0-9a-f]{12}_[0-9a-f]{64}\n", done.stdout)
    key_id, secret = done.stdout.strip().split("_")[1:]
    assert f"key {key_id} for role storefront, for browsers" in done.stderr
    assert secret not in done.stderr


def test_keys_are_listed_without_their_secrets_and_revoked_by_id(run: Run) -> None:
    text = run(cli.keys, "create", "--role", "ingest", "--name", "夜间导入").stdout.strip()
    _, key_id, secret = text.split("_")
    listed = run(cli.keys, "list").stdout
    assert key_id in listed
    assert "夜间导入" in listed
    assert "live" in listed
    assert secret[:8] not in listed
    assert f"key {key_id} (夜间导入) is revoked" in run(cli.keys, "revoke", key_id).stderr
    assert "revoked" in run(cli.keys, "list").stdout


def test_a_name_is_not_needed(run: Run) -> None:
    run(cli.keys, "create", "--role", "marketer")
    assert run(cli.keys, "list").stdout.count("marketer") == 2


def test_an_unknown_role_is_refused_with_those_there_are(run: Run) -> None:
    done = run(cli.keys, "create", "--role", "boss")
    assert done.exit_code == 2
    for role in ("storefront", "ingest", "marketer", "engineer", "admin"):
        assert role in done.stderr


def test_revoking_an_unknown_key_is_an_error(run: Run) -> None:
    with pytest.raises(InputError, match="'nope'"):
        run(cli.keys, "revoke", "nope")


def test_a_browser_key_is_not_made_while_every_origin_is_allowed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_CORS_ORIGINS", "*")
    with pytest.raises(ConfigError, match="RECSYS_CORS_ORIGINS"):
        run(cli.keys, "create", "--role", "storefront", "--browser")
    assert run(cli.keys, "create", "--role", "storefront").exit_code == 0


def test_up_refuses_a_taken_port_before_it_starts_anything(run: Run, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match=r"is taken.*--port"):
            run(cli.up, "--port", str(other.getsockname()[1]))
    assert not (home / "valkey").exists()


def test_the_worker_writes_what_is_waiting_and_leaves(home: Path) -> None:
    settings = StoreSettings.load()
    event = Event(
        event_id="e-1",
        type=EventType.VIEW,
        user_id="买家-1",
        item_id="绿茶",
        timestamp=1_767_225_600_000,
        received_at=1_767_225_600_001,
    )
    store = RedisOnlineStore.of(connect(settings), settings)
    try:
        store.append_events([event])
        # In a process of its own: the verb takes over signals and logging.
        program = (sys.executable, "-c", "from serving.cli import worker; worker()", "--once")
        for _ in range(2):
            subprocess.run(program, cwd=ROOT, check=True)
        assert store.backlog().length == 0
    finally:
        store.close()
        disconnect(settings)
    rows = EventLog(home / "events").scan().to_pylist()
    assert [row["event_id"] for row in rows] == ["e-1"]
    assert rows[0]["user_id"] == event_to_dict(event)["user_id"]


def test_a_demo_of_an_unknown_shop_names_those_there_are(run: Run) -> None:
    with pytest.raises(ConfigError, match="complete-journey"):
        run(cli.demo, "--shop", "corner-shop")


@pytest.mark.parametrize("app", [cli.up, cli.serve, cli.worker, cli.keys, cli.demo])
def test_every_verb_explains_itself(run: Run, app: object) -> None:
    done = run(app, "--help")
    assert done.exit_code == 0
    assert "Usage" in done.stdout
