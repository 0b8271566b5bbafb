"""The short way of filled halls, as `serving.routes.list_lane` is that of lists: a hall is a page of lists, and the
framework's way of one costs as much as two of them.

It reads a well-formed query by the same models and functions as the route of `serving.routes.scenarios`. Whatever is
odd, and a hall that is not in memory, goes on to the framework untouched; so both ways give the same answers, and the
route stays the documentation.
"""

from time import perf_counter
from typing import Final
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.resources import Resources
from serving.routes.access import admit_ask, enter_storefront
from serving.routes.answers import hall_answer, json_answer
from serving.routes.asks import ask_for_hall
from serving.routes.callers import LONGEST_TOKEN, Callers
from serving.schemas.scenarios import HallQuery

__all__ = ["HallLane"]

_BEFORE: Final = "/v1/scenarios/"


class _Route:
    """What metrics call this way: the path of the route it stands for."""

    path = "/v1/scenarios/{slug}"


class HallLane:
    """Fills halls itself and passes on everything else."""

    def __init__(self, app: ASGIApp, resources: Resources) -> None:
        self._app = app
        self._shop = resources
        self._callers = Callers(resources.authenticator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_BEFORE):
            await self._app(scope, receive, send)
            return
        started, headers, shop = perf_counter(), Headers(scope=scope), self._shop
        scenario = shop.scenarios.known(scope["path"].removeprefix(_BEFORE))
        query = _well_formed(scope["query_string"])
        token = headers.get("x-shopper-token")
        if scenario is None or query is None or shop.turns.full or len(token or "") > LONGEST_TOKEN:
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route
        caller = await enter_storefront(shop, self._callers, headers.get("authorization"), token, scope)
        ask = ask_for_hall(scenario.slug, query, caller)
        admit_ask(caller, ask)
        hall = await shop.scenarios.fill(scenario, ask, shop.turns)
        await json_answer(hall_answer(hall, started, private=not caller.browser))(scope, receive, send)


def _well_formed(text: bytes) -> HallQuery | None:
    """The query as a model, None when something is wrong with it."""
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict")
        named = dict(pairs)
        return HallQuery.model_validate(named) if len(named) == len(pairs) else None
    except (ValidationError, ValueError):
        return None
