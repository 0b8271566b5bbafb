"""A storefront's side of the wire: one kept-alive connection, JSON in and out, every call timed."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

__all__ = ["Reply", "Shop"]

_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `took_ms` is what the caller waited."""

    status: int
    body: Any
    took_ms: float


class Shop:
    """Calls the API at `host:port` with `key`. Not for several threads."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def get(self, path: str, **query: str) -> Reply:
        """GET `path` with a query string."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, object]) -> Reply:
        """POST a JSON body."""
        return self._call("POST", path, json.dumps(body).encode())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _call(self, method: str, path: str, body: bytes | None = None) -> Reply:
        started = time.perf_counter()
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        took_ms = (time.perf_counter() - started) * 1000
        return Reply(response.status, json.loads(content) if content else None, took_ms)
