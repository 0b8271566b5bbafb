"""Releases, and the jobs that change which one is live."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from serving.control.principals import Role
from serving.routes.access import Engineer, Shop, only
from serving.routes.answers import job_answer, json_answer, releases_answer
from serving.routes.documentation import problems
from serving.schemas.base import Identifier
from serving.schemas.operations import Job, JobAccepted, Releases

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["Releases"])
_READERS = only(Role.MARKETER, Role.ENGINEER)
ReleaseId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["3f9c1a7be0d24c55"])]
JobId = Annotated[Identifier, Path(examples=["5f0c8b1e9d5a4a1e8c6a2f3b7d9e0a12"])]


@router.get("/releases", response_model=Releases, responses=problems(), dependencies=[_READERS])
def list_releases(shop: Shop) -> Response:
    """Every release with its figures, newest first, and which one is live."""
    return json_answer(releases_answer(shop.board.overview()))


@router.post(
    "/releases/{release_id}/promote", status_code=202, response_model=JobAccepted, responses=problems(404)
)
def promote_release(release_id: ReleaseId, shop: Shop, caller: Engineer) -> Response:
    """Have a release go through the gate and live; a job does it."""
    return json_answer({"job_id": shop.board.ask("promote", release_id, caller.key_id)}, 202)


@router.post(
    "/releases/{release_id}/rollback",
    status_code=202,
    response_model=JobAccepted,
    responses=problems(404, 409),
)
def roll_release_back(release_id: ReleaseId, shop: Shop, caller: Engineer) -> Response:
    """Have the release before this live one come back; a job does it."""
    return json_answer({"job_id": shop.board.ask("rollback", release_id, caller.key_id)}, 202)


@router.get("/jobs/{job_id}", response_model=Job, responses=problems(404), dependencies=[_READERS])
def get_job(job_id: JobId, shop: Shop) -> Response:
    """How far a job is."""
    return json_answer(job_answer(shop.board.job(job_id)))
