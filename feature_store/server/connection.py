"""The only Redis connection factory: REDIS_URL, else the embedded Valkey of the home folder.

A server that may evict keys is refused: it would forget acknowledged events and refusals of consent without a
word. A process uses the embedded server from its first `connect` until it ends or calls `disconnect`.
"""

import logging
import threading
from pathlib import Path
from typing import Any, Final, cast

import redis

from feature_store.errors import SetupError
from feature_store.online.redis_link import CONNECTION_OPTIONS, Commands, Timeouts, with_timeouts
from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings
from recsys.errors import UnavailableError

__all__ = ["OLDEST_VERSION", "check_server", "client_for", "connect", "disconnect"]

OLDEST_VERSION: Final = (7, 0)
_log = logging.getLogger(__name__)
_embedded: dict[Path, EmbeddedValkey] = {}
_embedded_lock = threading.Lock()


def connect(settings: StoreSettings, *, check: bool = True) -> redis.Redis:
    """A client of the shop's online store; for the embedded one, its server runs when this returns.

    Call it again to bring a killed embedded server back. With `check=False` an external server may be away
    (a serving process boots without it). Raises SetupError for a server that would lose data,
    UnavailableError when it does not answer.
    """
    if settings.redis_url is None:
        _use_embedded(settings.valkey_folder).ensure()
        return client_for(settings)
    client = client_for(settings)
    if check:
        check_server(client)
    return client


def client_for(settings: StoreSettings) -> redis.Redis:
    """A client that has not connected yet."""
    timeout = Timeouts().write_s
    options: dict[str, Any] = {
        **CONNECTION_OPTIONS,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }
    if settings.redis_url is None:
        socket = settings.valkey_folder / "valkey.sock"
        return redis.Redis(unix_socket_path=str(socket), **options)
    return redis.Redis.from_url(settings.redis_url, **options)


def disconnect(settings: StoreSettings) -> None:
    """Give up this process's use of the embedded server; the last user's leaving stops it."""
    with _embedded_lock:
        embedded = _embedded.pop(settings.valkey_folder, None)
    if embedded is not None:
        embedded.leave()


def _use_embedded(folder: Path) -> EmbeddedValkey:
    with _embedded_lock:
        return _embedded.setdefault(folder, EmbeddedValkey(folder))


def check_server(client: redis.Redis) -> None:
    """Refuse a server that is too old or evicts keys; warn about one that forgets when it stops."""
    patient = with_timeouts(client, Timeouts().write_s)
    server = cast(Commands, patient)
    try:
        _check_version(server.execute_command("INFO", "server"))
        _check_memory(_setting(server, "maxmemory-policy"))
        _check_durability(_setting(server, "appendonly"), _setting(server, "appendfsync"))
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise UnavailableError(f"the Redis at REDIS_URL does not answer: {error}") from error
    finally:
        patient.connection_pool.disconnect()


def _check_version(info: dict[str, Any]) -> None:
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise SetupError(
            f"the server at REDIS_URL speaks Redis {version}; 7.0 or newer (or any Valkey) is needed"
        )


def _check_memory(policy: str | None) -> None:
    if policy not in (None, "noeviction"):
        raise SetupError(
            f"the server at REDIS_URL has maxmemory-policy {policy!r} and may drop acknowledged events; "
            "run: redis-cli CONFIG SET maxmemory-policy noeviction"
        )


def _check_durability(append_only: str | None, sync: str | None) -> None:
    if append_only == "no":
        _log.warning(
            "the server at REDIS_URL keeps no append-only file: its restart loses acknowledged events"
        )
    elif append_only == "yes" and sync != "always":
        _log.warning(
            "the server at REDIS_URL has appendfsync %r: a crash loses up to a second of events", sync
        )


def _setting(client: Commands, name: str) -> str | None:
    try:
        found = client.execute_command("CONFIG", "GET", name)
    except redis.ResponseError as error:  # hosted servers forbid CONFIG
        _log.warning("could not read %s of the server at REDIS_URL: %s", name, error)
        return None
    pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
    return {_text(key): _text(value) for key, value in pairs}.get(name)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
