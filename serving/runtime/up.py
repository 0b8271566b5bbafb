"""`recsys up`: checks what can be checked before anything starts, then supervises.

A wrong setting, a taken port, a second supervisor or a database of a newer version is one clear line here rather
than four children that fail in turns.
"""

from collections.abc import Callable
from pathlib import Path

from feature_store.database import open_database
from feature_store.server.valkey import EmbeddedValkey
from recsys.config_files import config_path
from serving.control.keys import KeyRepository
from serving.control.scenarios import ScenarioRepository
from serving.control.secret_file import shopper_secret
from serving.runtime.announcer import Announcer, local_url
from serving.runtime.supervisor import Supervisor, children_of, free_port, lock_home, refuse_taken_port
from serving.settings import Settings, refuse_open_browser_keys
from serving.times import now_ms

__all__ = ["start"]


def start(settings: Settings, say: Callable[[str], None], logs: Path | None = None) -> None:
    """Run everything until a signal comes. `say` takes lines; `logs` is where children write.

    Raises:
        ConfigError: a setting, the port or the home folder cannot be used.
        SetupError: the database was written by a newer version.
        UnavailableError: the database or the store does not answer.
    """
    with lock_home(settings.home):
        refuse_taken_port(settings.host, settings.port)
        _prepare(settings)
        port = settings.port or free_port(settings.host)
        url = local_url(settings.host, port)
        say(f"starting on {url}, home {settings.home}")
        store = EmbeddedValkey(settings.valkey_folder) if settings.redis_url is None else None
        announcer = Announcer(url, say)
        Supervisor(children_of(settings, port, logs), store, say, announcer.tick).run()
        say("stopped")


def _prepare(settings: Settings) -> None:
    """Bring the database up to date once, before several children would."""
    engine = open_database(settings)
    try:
        ScenarioRepository(engine, now_ms).seed(config_path("scenarios.toml"))
        refuse_open_browser_keys(settings, KeyRepository(engine, now_ms).any_browser_key())
        shopper_secret(settings)
    finally:
        engine.dispose()
