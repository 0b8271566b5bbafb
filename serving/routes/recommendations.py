"""Lists for the storefront."""

from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from serving.routes.access import Shop, Storefront, admit_ask
from serving.routes.answers import json_answer, listing_answer
from serving.routes.asks import ask_for_list
from serving.routes.documentation import problems
from serving.schemas.base import Identifier
from serving.schemas.recommendations import NextQuery, Recommendation, RecommendationRequest
from serving.times import now_ms
from serving.wire.json_body import JsonRoute

__all__ = ["router"]

router = APIRouter(prefix="/v1/recommendations", tags=["Lists"], route_class=JsonRoute)


@router.post("", response_model=Recommendation, responses=problems(400, 413))
def recommend(body: RecommendationRequest, shop: Shop, caller: Storefront) -> Response:
    """One list: "guess you like" (猜你喜欢), or what goes with `item_ids`."""
    started = perf_counter()
    ask = ask_for_list(body, caller, now_ms())
    admit_ask(caller, ask)
    return json_answer(listing_answer(shop.pager.first(ask), started))


@router.get("/{recomm_id}/next", response_model=Recommendation, responses=problems(404))
def recommend_next(
    recomm_id: Annotated[Identifier, Path(examples=["019ab2f4-5d0e-7cc3-9f25-6a1f0e8b7d11"])],
    query: Annotated[NextQuery, Query()],
    shop: Shop,
    caller: Storefront,
) -> Response:
    """The next page: nothing of it was shown on the pages before. For 30 minutes after the last one."""
    started = perf_counter()
    listing = shop.pager.next(recomm_id, query.num, lambda ask: admit_ask(caller, ask))
    return json_answer(listing_answer(listing, started))
