"""What tests and demos of every package share: a real server that is gone when its block ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from feature_store.online.redis_link import CONNECTION_OPTIONS
from feature_store.server.valkey import EmbeddedValkey

__all__ = ["running_valkey"]


@contextmanager
def running_valkey(folder: Path, binary: Path | None = None) -> Iterator[redis.Redis]:
    """A client of a real Valkey that stores in `folder` and listens at its `valkey.sock`; stopped afterwards.

    Keep the path short: a Unix socket's holds about 100 bytes. `binary` picks another server than the usual.
    """
    server = EmbeddedValkey(folder, binary)
    server.ensure()
    client = redis.Redis(unix_socket_path=str(server.socket), **CONNECTION_OPTIONS)
    try:
        yield client
    finally:
        client.close()
        server.leave()
        server.wait_until_stopped()
