"""The layer around every request that is let in: its id, time, metric and log line, and the last word on errors.

Invariants: every answer carries `X-Request-Id` and `X-Took-Ms`; an exception that nothing else handled is logged with
its trace and answered by a problem that names the request id only.
"""

from time import perf_counter
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.errors import RecsysError
from serving.ids import uuid7
from serving.observability import REQUEST_ID, Metrics, log_request, request_id_from
from serving.times import now_ms
from serving.wire.problems import problem_of

__all__ = ["Envelope", "incoming_id"]

_log: Final = structlog.get_logger(__name__)


class Envelope:
    """Wraps the application; `scope["state"]["request_id"]` is there for everything inside."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(send, incoming_id(scope) or uuid7(now_ms()))
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        bound = REQUEST_ID.set(exchange.request_id)
        try:
            await self._app(scope, receive, exchange.send)
        except Exception as error:
            await self._refuse(error, exchange, scope, receive)
        finally:
            REQUEST_ID.reset(bound)
        self._record(exchange, scope)

    async def _refuse(self, error: Exception, exchange: "_Exchange", scope: Scope, receive: Receive) -> None:
        if not isinstance(error, RecsysError):
            _log.exception("unexpected_error", path=scope["path"])
        if exchange.complete:
            return  # the framework has answered it
        if exchange.status:
            raise error  # half an answer is out already; the server closes the connection
        await problem_of(error, exchange.request_id)(scope, receive, exchange.send)

    def _record(self, exchange: "_Exchange", scope: Scope) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        seconds = perf_counter() - exchange.started
        self._metrics.request(route, _method(scope), exchange.status, seconds)
        took = round(seconds * 1000, 2)
        log_request(exchange.request_id, scope["method"], route, exchange.status, took)


class _Exchange:
    """One request under way: adds the headers to its answer and remembers the status (0 until it starts)."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.request_id = request_id
        self.status = 0
        self.complete = False
        self.started = perf_counter()
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            took = (perf_counter() - self.started) * 1000
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.request_id.encode()),
                (b"x-took-ms", f"{took:.2f}".encode()),
            ]
        else:
            self.complete = not message.get("more_body", False)
        await self._send(message)


def incoming_id(scope: Scope) -> str | None:
    """The id the caller gave to his request, where he gave a plain one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return request_id_from(value.decode("latin-1"))
    return None


def _method(scope: dict[str, Any] | Scope) -> str:
    """The method as a label: what the caller made up is one of them."""
    method = scope["method"]
    return method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS") else "other"
