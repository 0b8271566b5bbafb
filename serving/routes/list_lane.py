"""The short way of the one call that every page of a shop makes: POST /v1/recommendations, in the event loop.

The framework's way (dependencies, exit stacks, a hop to a thread and back) costs as much as the list. This layer reads
a well-formed request by the same models and functions as the route of `serving.routes.recommendations`, has the list
made when its turn comes, and answers. Whatever is not well-formed goes on to the framework untouched, which says what
is wrong with it; so both ways give the same answers, and the route stays the documentation.
"""

import zlib
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final

import orjson
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Overloaded
from serving.lists.hydrators import Shopper
from serving.lists.listings import Ask
from serving.resources import Resources
from serving.routes.access import admit_ask, enter_storefront
from serving.routes.answers import json_bytes, listing_answer
from serving.routes.asks import ask_for_list
from serving.routes.callers import LONGEST_TOKEN, Callers
from serving.schemas.recommendations import RecommendationRequest
from serving.times import now_ms
from serving.wire.body_limit import DEFAULT_BYTES, Replay, read_body
from serving.wire.json_body import is_lines

__all__ = ["GZIP_LEVEL", "LONG_BYTES", "ListLane"]

GZIP_LEVEL: Final = 4
LONG_BYTES: Final = 1024
"""Shorter answers are not compressed."""
_PATH: Final = "/v1/recommendations"


class _Route:
    """What metrics call this way: the path of the route it stands for."""

    path = _PATH


@dataclass(frozen=True, slots=True)
class _Headers:
    """The headers that count, each at its first mention."""

    authorization: str | None
    token: str | None
    lines: bool
    gzip: bool

    @classmethod
    def of(cls, scope: Scope) -> "_Headers":
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            found.setdefault(name, value)
        authorization, token = found.get(b"authorization"), found.get(b"x-shopper-token")
        return cls(
            None if authorization is None else authorization.decode("latin-1"),
            None if token is None else token.decode("latin-1"),
            is_lines(found.get(b"content-type", b"").decode("latin-1")),
            b"gzip" in found.get(b"accept-encoding", b""),
        )


class ListLane:
    """Answers lists itself and passes on everything else."""

    def __init__(self, app: ASGIApp, resources: Resources) -> None:
        self._app = app
        self._shop = resources
        self._callers = Callers(resources.authenticator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        content = await read_body(scope, receive, DEFAULT_BYTES)
        if content is None:
            return
        headers = _Headers.of(scope)
        body = None if scope["query_string"] or headers.lines else _well_formed(content)
        if body is None or len(headers.token or "") > LONGEST_TOKEN:
            await self._app(scope, Replay(content, receive), send)
            return
        scope["route"] = _Route
        ask = await self._ask(body, headers, scope)
        await _send(await self._answer(ask, started), headers.gzip, send)

    async def _ask(self, body: RecommendationRequest, headers: _Headers, scope: Scope) -> Ask:
        """What is asked, by whom; raises what the route's dependencies raise, in their order."""
        caller = await enter_storefront(
            self._shop, self._callers, headers.authorization, headers.token, scope
        )
        ask = ask_for_list(body, caller, now_ms())
        admit_ask(caller, ask)
        return ask

    async def _answer(self, ask: Ask, started: float) -> bytes:
        turns = self._shop.turns
        if turns.full:
            return self._surplus(ask, started)
        return await turns.run_with(self._shop.recommender.read(ask), partial(self._made, ask, started))

    def _made(self, ask: Ask, started: float, shopper: Shopper) -> bytes:
        return json_bytes(listing_answer(self._shop.pager.first(ask, shopper), started))

    def _surplus(self, ask: Ask, started: float) -> bytes:
        """The prepared list, while there are some to give out and where it will do.

        Raises:
            Overloaded: else.
        """
        metrics = self._shop.metrics
        listing = self._shop.prepared.listing(ask) if self._shop.turns.take_surplus() else None
        if listing is None:
            metrics.surplus("refused")
            raise Overloaded("more lists are asked for than can be made in time; try again in a second")
        metrics.surplus("trending")
        metrics.answer(listing.fallback_used, listing.degraded)
        return json_bytes(listing_answer(listing, started))


def _well_formed(content: bytes) -> RecommendationRequest | None:
    """The body as a model, None when something is wrong with it."""
    try:
        return RecommendationRequest.model_validate(orjson.loads(content))
    except (orjson.JSONDecodeError, ValidationError):
        return None


async def _send(content: bytes, gzip: bool, send: Send) -> None:
    """The answer as JSON, compressed where it is long and the caller wants that."""
    headers = [(b"cache-control", b"no-store"), (b"content-type", b"application/json")]
    if len(content) >= LONG_BYTES:
        headers.append((b"vary", b"Accept-Encoding"))
        if gzip:
            packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
            content = packer.compress(content) + packer.flush()
            headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})
