"""The short way of events: judged and stored in one thread, with nothing of the framework between.

A shop posts most events one by one, and the framework's way of one (dependencies, exit stacks, two hops to threads and
back) costs several times what its storing does. This layer calls the same functions as the route of
`serving.routes.events`, in its order, so both ways give the same answers, and the route stays the documentation. Long
bodies and odd requests go on to the framework untouched. The store is never written in the event loop: it answers when
the disk has.
"""

import asyncio
from contextvars import copy_context
from dataclasses import asdict
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from feature_store.online.contract import MAX_EVENTS_PER_CALL
from serving.control.principals import Principal
from serving.lists.feedback import Taken
from serving.resources import Resources
from serving.routes.access import admit_event, enter_storefront, with_token_shopper
from serving.routes.answers import json_answer
from serving.routes.callers import LONGEST_TOKEN, Callers
from serving.wire.body_limit import DEFAULT_BYTES, Replay, read_body
from serving.wire.json_body import Body, read_rows

__all__ = ["EventLane"]

_PATH: Final = "/v1/events"
_LONGEST: Final = 64 * 1024
"""Bytes of a body that is decoded in the event loop."""


class _Route:
    """What metrics call this way: the path of the route it stands for."""

    path = _PATH


class EventLane:
    """Takes events itself and passes on everything else."""

    def __init__(self, app: ASGIApp, resources: Resources) -> None:
        self._app = app
        self._shop = resources
        self._callers = Callers(resources.authenticator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        content = await read_body(scope, receive, DEFAULT_BYTES)
        if content is None:
            return
        headers = Headers(scope=scope)
        odd = scope["query_string"] or len(headers.get("x-shopper-token", "")) > LONGEST_TOKEN
        if odd or len(content) > _LONGEST:
            await self._app(scope, Replay(content, receive), send)
            return
        scope["route"] = _Route
        caller = await enter_storefront(
            self._shop, self._callers, headers.get("authorization"), headers.get("x-shopper-token"), scope
        )
        taken = await self._take(Body(content, headers.get("content-type", "")), caller)
        await json_answer(asdict(taken))(scope, receive, send)

    async def _take(self, body: Body, caller: Principal) -> Taken:
        """What became of the rows; raises what the route raises."""
        rows = [with_token_shopper(row, caller) for row in read_rows(body, "events", MAX_EVENTS_PER_CALL)]

        def take() -> Taken:
            return self._shop.intake.take(rows, lambda event: admit_event(caller, event))

        # In the context of the request, so that what is logged carries its id.
        return await asyncio.get_running_loop().run_in_executor(None, copy_context().run, take)
