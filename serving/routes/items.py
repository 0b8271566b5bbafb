"""The catalogue: items whole, in part, in bulk, and single offers. Visible to every serving process within 2 s."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from serving.control.principals import Role
from serving.routes.access import Shop, only
from serving.routes.answers import item_answer, json_answer, written_answer
from serving.routes.bulk import Bulk, write_rows
from serving.routes.documentation import problems, rows_body
from serving.schemas.base import Identifier
from serving.schemas.items import (
    BulkAnswer,
    ItemAnswer,
    ItemBody,
    ItemPatch,
    ItemRow,
    ItemsRequest,
    OfferRow,
    OffersRequest,
    WriteAnswer,
)
from serving.times import now_ms
from serving.wire.json_body import JsonRoute, RawBody, read_rows
from serving.wire.validation import check_same_id
from serving.writes.item_changes import item_of

__all__ = ["router"]

MOST_ROWS = 10_000

router = APIRouter(prefix="/v1", tags=["Catalogue"], route_class=JsonRoute, dependencies=[only(Role.INGEST)])
ItemId = Annotated[Identifier, Path(examples=["1029743"])]


@router.post(
    "/items", response_model=BulkAnswer, responses=problems(400, 413), openapi_extra=rows_body(ItemsRequest)
)
def post_items(body: RawBody, shop: Shop) -> Response:
    """Put many items; the good rows are in, whatever is wrong with the others."""
    rows, now = read_rows(body, "items", MOST_ROWS), now_ms()
    bulk = Bulk(ItemRow, lambda row: item_of(row, row.item_id, now), shop.items.put)
    return json_answer(write_rows(rows, bulk))


@router.post(
    "/offers",
    response_model=BulkAnswer,
    responses=problems(400, 413),
    openapi_extra=rows_body(OffersRequest),
)
def post_offers(body: RawBody, shop: Shop) -> Response:
    """Change prices, stock and availability of many offers; what a row leaves out stays as it is."""
    rows = read_rows(body, "offers", MOST_ROWS)
    return json_answer(write_rows(rows, Bulk(OfferRow, lambda row: row, shop.items.change_offers)))


@router.put("/items/{item_id:path}", response_model=WriteAnswer, responses=problems(400, 404, 413))
def put_item(item_id: ItemId, body: ItemBody, shop: Shop) -> Response:
    """Put one whole item."""
    check_same_id("item_id", body.item_id, item_id)
    return json_answer(written_answer(item_id, shop.items.put([item_of(body, item_id, now_ms())])[0]))


@router.patch("/items/{item_id:path}", response_model=WriteAnswer, responses=problems(400, 404, 413))
def patch_item(item_id: ItemId, body: ItemPatch, shop: Shop) -> Response:
    """Change parts of an item; what the body leaves out stays as it is."""
    check_same_id("item_id", body.item_id, item_id)
    return json_answer(written_answer(item_id, shop.items.patch(item_id, body)))


@router.get("/items/{item_id:path}", response_model=ItemAnswer, responses=problems(404))
def get_item(item_id: ItemId, shop: Shop) -> Response:
    """One item as of now."""
    return json_answer(item_answer(shop.items.get(item_id)))


@router.delete("/items/{item_id:path}", response_model=WriteAnswer, responses=problems(404))
def delete_item(item_id: ItemId, shop: Shop) -> Response:
    """Take an item out of every list; its events stay."""
    shop.items.delete(item_id)
    return json_answer({"id": item_id, "status": "deleted"})
