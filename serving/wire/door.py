"""The outermost layer of lists: turns away what cannot be made in time before anything of it is looked at.

Under thrice the load that can be borne two of three requests are turned away, and what that costs is taken from the
third: a refusal here is a fixed answer of about the price of having read the request. Some are let through, for whom
the lane may still have a prepared list; how many, `Turns` says. Invariant: nothing is known of a caller who is turned
away, so nothing is logged of him; he is counted.
"""

from typing import Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Overloaded
from serving.ids import uuid7
from serving.observability import Metrics
from serving.times import now_ms
from serving.wire.envelope import incoming_id
from serving.wire.problems import problem_of

__all__ = ["Door"]

_PATH: Final = "/v1/recommendations"
_ROOM_FOR_ID: Final = "the-id-of-this-request"


class Queue(Protocol):
    """What is looked at."""

    @property
    def full(self) -> bool:
        """Whether one more would wait too long."""

    @property
    def spare(self) -> bool:
        """Whether something else could be given instead."""


class Door:
    """Lets in what can be answered."""

    def __init__(self, app: ASGIApp, queue: Queue, metrics: Metrics) -> None:
        self._app = app
        self._queue = queue
        self._metrics = metrics
        # As the problem of the framework's way, written once.
        refusal = problem_of(
            Overloaded("more lists are asked for than can be made in time; try again in a second"),
            _ROOM_FOR_ID,
        )
        self._status = refusal.status_code
        self._body = bytes(refusal.body).split(_ROOM_FOR_ID.encode())
        dropped = (b"content-length", b"cache-control")
        kept = [pair for pair in refusal.raw_headers if pair[0].lower() not in dropped]
        self._headers = [*kept, (b"cache-control", b"no-store"), (b"x-took-ms", b"0.00")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        queue = self._queue
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif queue.full and not queue.spare:
            await self._refuse(scope, send)
        else:
            await self._app(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Send) -> None:
        self._metrics.surplus("refused")
        self._metrics.request(_PATH, "POST", self._status, 0.0)
        name = (incoming_id(scope) or uuid7(now_ms())).encode()
        body = name.join(self._body)
        headers = [*self._headers, (b"x-request-id", name), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
