"""Events in."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from feature_store.online.contract import MAX_EVENTS_PER_CALL
from serving.routes.access import Shop, Storefront, admit_event, with_token_shopper
from serving.routes.answers import json_answer
from serving.routes.documentation import problems, rows_body
from serving.schemas.events import EventsAnswer, EventsRequest
from serving.wire.json_body import RawBody, read_rows

__all__ = ["router"]

router = APIRouter(prefix="/v1/events", tags=["Events"])


@router.post(
    "",
    response_model=EventsAnswer,
    responses=problems(400, 413),
    openapi_extra=rows_body(EventsRequest),
)
def post_events(body: RawBody, shop: Shop, caller: Storefront) -> Response:
    """Up to 500 events, each with its own verdict. What is accepted is durable, and the next list knows it."""
    rows = [with_token_shopper(row, caller) for row in read_rows(body, "events", MAX_EVENTS_PER_CALL)]
    taken = shop.intake.take(rows, lambda event: admit_event(caller, event))
    return json_answer(asdict(taken))
