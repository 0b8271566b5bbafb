"""Single calls to a server under test, in JSON, over one kept connection."""

import http.client
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

__all__ = ["Caller", "Reply"]

_PATIENCE_S: Final = 30.0


class Reply(NamedTuple):
    """What was answered."""

    status: int
    body: Any
    ended: float
    """Moment of `time.perf_counter` at which it was read."""


class Caller:
    """Calls with one key. A connection that was closed meanwhile is opened again, unless it `stays`.

    Not for several threads at once.
    """

    def __init__(self, address: tuple[str, int], key: str, *, stays: bool = False) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=_PATIENCE_S)
        self._head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._stays = stays

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int | None:
        """The port of this end; None while there is no connection."""
        return self._connection.sock.getsockname()[1] if self._connection.sock is not None else None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        """Ask once, and once more where the server had closed the connection.

        Raises:
            OSError: it does not answer.
            http.client.HTTPException: what it answers is no HTTP, or the connection that stays was closed.
        """
        try:
            return self._call(method, path, body)
        except (ConnectionError, http.client.RemoteDisconnected):
            if self._stays:
                raise
            self._connection.close()
            return self._call(method, path, body)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, content, self._head)
        answer = self._connection.getresponse()
        said, ended = answer.read(), time.perf_counter()
        return Reply(answer.status, json.loads(said) if said else None, ended)
