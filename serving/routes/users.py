"""Shoppers: attributes, consent, and which ids are one person."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from serving.control.principals import Role
from serving.routes.access import Shop, only
from serving.routes.answers import json_answer, user_answer, written_answer
from serving.routes.bulk import Bulk, write_rows
from serving.routes.documentation import problems, rows_body
from serving.schemas.base import Identifier
from serving.schemas.items import BulkAnswer, WriteAnswer
from serving.schemas.users import (
    MergeAnswer,
    MergeRequest,
    UnmergeRequest,
    UserAnswer,
    UserBody,
    UserPatch,
    UserRow,
    UsersRequest,
)
from serving.times import now_ms
from serving.wire.json_body import JsonRoute, RawBody, read_rows
from serving.wire.validation import check_same_id
from serving.writes.user_service import user_of

__all__ = ["router"]

MOST_ROWS = 10_000

router = APIRouter(
    prefix="/v1/users", tags=["Shoppers"], route_class=JsonRoute, dependencies=[only(Role.INGEST)]
)
UserId = Annotated[Identifier, Path(examples=["shopper-1"])]


@router.post(
    "", response_model=BulkAnswer, responses=problems(400, 413), openapi_extra=rows_body(UsersRequest)
)
def post_users(body: RawBody, shop: Shop) -> Response:
    """Put many shoppers; the good rows are in, whatever is wrong with the others."""
    rows, now = read_rows(body, "users", MOST_ROWS), now_ms()
    bulk = Bulk(UserRow, lambda row: user_of(row, row.user_id, now), shop.users.put)
    return json_answer(write_rows(rows, bulk))


@router.post("/merge", response_model=MergeAnswer, responses=problems(400, 413))
def merge_users(body: MergeRequest, shop: Shop) -> Response:
    """From now on two ids are one shopper: an anonymous session and an account, ids of two channels."""
    changed = shop.users.merge(body.from_, body.into, body.at)
    return json_answer({"changed": changed, "group": shop.users.group(body.into)})


@router.post("/unmerge", response_model=MergeAnswer, responses=problems(400, 413))
def unmerge_users(body: UnmergeRequest, shop: Shop) -> Response:
    """Take a merge back; events were never rewritten, so nothing is lost."""
    changed = shop.users.unmerge(body.from_, body.into, body.at)
    return json_answer({"changed": changed, "group": shop.users.group(body.into)})


@router.put("/{user_id:path}", response_model=WriteAnswer, responses=problems(400, 404, 413))
def put_user(user_id: UserId, body: UserBody, shop: Shop) -> Response:
    """Put one whole shopper."""
    check_same_id("user_id", body.user_id, user_id)
    return json_answer(written_answer(user_id, shop.users.put([user_of(body, user_id, now_ms())])[0]))


@router.patch("/{user_id:path}", response_model=WriteAnswer, responses=problems(400, 404, 413))
def patch_user(user_id: UserId, body: UserPatch, shop: Shop) -> Response:
    """Change parts of a shopper; an unknown one begins with the change."""
    check_same_id("user_id", body.user_id, user_id)
    return json_answer(written_answer(user_id, shop.users.patch(user_id, body)))


@router.get("/{user_id:path}", response_model=UserAnswer, responses=problems(404))
def get_user(user_id: UserId, shop: Shop) -> Response:
    """One shopper as stored."""
    return json_answer(user_answer(shop.users.get(user_id)))
