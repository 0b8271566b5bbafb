"""The one way to talk to Redis: three levels of patience over one address, failures said in our own words.

Reads of the request path are short and fail fast: after one failure the next ones are refused for a second
without touching the network, so that a dead Redis costs a request nothing. Writes wait longer, never pretend.
No command is sent twice behind the caller's back.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from feature_store.online.keyspace import Keys
from recsys.errors import UnavailableError

__all__ = [
    "CONNECTION_OPTIONS",
    "Batch",
    "Commands",
    "RedisLink",
    "RedisPart",
    "Timeouts",
    "run",
    "with_timeouts",
]

Result = TypeVar("Result")

# RESP2, no library announcement (a 7.2 command) and no hidden retries.
CONNECTION_OPTIONS: Final[dict[str, Any]] = {
    "protocol": 2,
    "driver_info": None,
    "retry": Retry(NoBackoff(), 0),
}

_packed = cast(Callable[[tuple[str | bytes | int, ...]], bytes], hiredis.pack_command)
_AWAY = (redis.ConnectionError, redis.TimeoutError, OSError)
_REFUSED_KINDS = (redis.exceptions.OutOfMemoryError, redis.ReadOnlyError)
_REFUSED_WORDS = ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY")


class Batch(Protocol):
    """Commands that travel together."""

    def execute_command(self, *parts: Any, **options: Any) -> Any:
        """Queue one command."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send them; the answers in order. With `raise_on_error=False` an answer may be an exception."""


class Commands(Protocol):
    """What the adapters use of a Redis client."""

    def execute_command(self, *parts: Any, **options: Any) -> Any:
        """Run one command."""

    def pipeline(self, transaction: bool = True) -> Batch:
        """A batch; without `transaction` other clients' commands may come between."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a connection and for an answer, by kind of call."""

    read_s: float = 0.05
    write_s: float = 2.0
    bulk_s: float = 30.0
    cool_down_s: float = 1.0


def with_timeouts(client: redis.Redis, seconds: float) -> redis.Redis:
    """A client of the same server whose connect and read timeouts are `seconds`."""
    pool = client.connection_pool
    options = {
        **pool.connection_kwargs,
        **CONNECTION_OPTIONS,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
    }
    return redis.Redis(
        connection_pool=redis.ConnectionPool(connection_class=pool.connection_class, **options)
    )


class RedisLink:
    """Runs work on a client and turns its failures into UnavailableError. Safe to share between threads."""

    def __init__(self, client: redis.Redis, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._read = with_timeouts(client, self._timeouts.read_s)
        self._write = with_timeouts(client, self._timeouts.write_s)
        self._bulk = with_timeouts(client, self._timeouts.bulk_s)
        self._lock = threading.Lock()
        self._closed_until = 0.0

    def read(self, work: Callable[[Commands], Result]) -> Result:
        """A read on the request path; refused at once for `cool_down_s` after a failed one."""
        if time.monotonic() < self._closed_until:
            raise UnavailableError("the online store did not answer a moment ago; reads resume in a second")
        try:
            return _attempt(work, self._read)
        except UnavailableError:
            with self._lock:
                self._closed_until = time.monotonic() + self._timeouts.cool_down_s
            raise

    def write(self, work: Callable[[Commands], Result]) -> Result:
        """A write or a background read; waits `write_s`."""
        return _attempt(work, self._write)

    def send(self, commands: Sequence[Sequence[str | bytes | int]]) -> None:
        """Write many small commands in one round trip, as cheaply as they can be; waits `write_s`."""
        _attempt(lambda client: _send(cast(redis.Redis, client), commands), self._write)

    def bulk(self, work: Callable[[Commands], Result]) -> Result:
        """Large values, long pipelines and blocking reads; waits `bulk_s`."""
        return _attempt(work, self._bulk)

    def close(self) -> None:
        """Close every connection; a later call opens new ones."""
        for client in (self._read, self._write, self._bulk):
            client.connection_pool.disconnect()


def _attempt(work: Callable[[Commands], Result], client: redis.Redis) -> Result:
    try:
        return work(cast(Commands, client))
    except _AWAY as error:
        raise UnavailableError(f"the online store does not answer: {error}") from error
    except redis.ResponseError as error:
        if isinstance(error, _REFUSED_KINDS) or str(error).startswith(_REFUSED_WORDS):
            raise UnavailableError(f"the online store refuses the command: {error}") from error
        raise


def _send(client: redis.Redis, commands: Sequence[Sequence[str | bytes | int]]) -> None:
    """The library's pipeline spends ten times as much on a command; the connection is its own."""
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        connection.send_packed_command([b"".join([_packed(tuple(command)) for command in commands])])
        answers = [_answer(connection) for _ in commands]
    except BaseException:
        connection.disconnect()  # what is under way on it would be taken for answers of the next one
        raise
    finally:
        pool.release(connection)
    for answer in answers:
        if isinstance(answer, redis.ResponseError):
            raise answer


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def run(batch: Batch) -> list[Any]:
    """Send a batch; the first error is raised as it is, without the command and its data in the message."""
    answers = batch.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


class RedisPart:
    """One concern of the online store over a shared link."""

    def __init__(self, link: RedisLink, keys: Keys, history_length: int) -> None:
        self._link = link
        self._keys = keys
        self._history_length = history_length
