"""Scenario halls (场景馆) for the storefront."""

from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from serving.errors import Overloaded
from serving.routes.access import Shop, Storefront, admit_ask
from serving.routes.answers import hall_answer, halls_answer, json_answer
from serving.routes.asks import ask_for_hall, ask_for_shopper
from serving.routes.documentation import problems
from serving.schemas.base import Identifier
from serving.schemas.scenarios import Hall, HallQuery, Halls, ShopperQuery

__all__ = ["router"]

router = APIRouter(prefix="/v1/scenarios", tags=["Scenarios"])


@router.get("", response_model=Halls, responses=problems())
def list_halls(query: Annotated[ShopperQuery, Query()], shop: Shop, caller: Storefront) -> Response:
    """Which halls this shopper should see."""
    ask = ask_for_shopper(query, caller)
    admit_ask(caller, ask)
    return json_answer(halls_answer(shop.scenarios.halls(ask), ask.language, private=not caller.browser))


@router.get("/{slug}", response_model=Hall, responses=problems(404))
async def show_hall(
    slug: Annotated[Identifier, Path(examples=["weekend-kitchen"])],
    query: Annotated[HallQuery, Query()],
    shop: Shop,
    caller: Storefront,
) -> Response:
    """One hall: copy and personalised shelves, no item twice."""
    started = perf_counter()
    ask = ask_for_hall(slug, query, caller)
    admit_ask(caller, ask)
    scenario = await run_in_threadpool(shop.scenarios.named, slug)
    if shop.turns.full:
        shop.metrics.surplus("refused")
        raise Overloaded("more is asked for than can be made in time; try again in a second")
    hall = await shop.scenarios.fill(scenario, ask, shop.turns)
    return json_answer(hall_answer(hall, started, private=not caller.browser))
