"""How many bytes a request may bring, decided before anything reads them.

Invariants: at most the limit is ever held in memory, whatever `Content-Length` says; the application behind sees the
whole body at once.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import BodyTooLarge

__all__ = ["BULK_BYTES", "DEFAULT_BYTES", "BodyLimit", "Replay", "read_body"]

DEFAULT_BYTES: Final = 1024 * 1024
BULK_BYTES: Final = 5 * 1024 * 1024


class BodyLimit:
    """Reads a body up to the limit of its path; `bulk` names the paths that take `BULK_BYTES`.

    Raises:
        BodyTooLarge: to the layer outside.
    """

    def __init__(self, app: ASGIApp, bulk: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._limits: Mapping[str, int] = dict.fromkeys(bulk, BULK_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        body = await read_body(scope, receive, self._limits.get(scope["path"], DEFAULT_BYTES))
        if body is not None:
            await self._app(scope, Replay(body, receive), send)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """The whole body, None when the client has gone.

    Raises:
        BodyTooLarge: it has more than `limit` bytes, or says so.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"the body has more than {limit} bytes, which is all this route takes; send several smaller ones"
    )


class Replay:
    """The body in one message, then whatever the connection says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:  # noqa: D102
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
