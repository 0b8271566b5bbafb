"""For load balancers and monitors: does the process run, can it answer, what has it counted. No key needed."""

from fastapi import APIRouter, Response

from serving.observability import METRICS_TYPE
from serving.routes.access import Shop
from serving.routes.answers import json_answer
from serving.routes.documentation import open_problems
from serving.schemas.operations import Health, Readiness

__all__ = ["router"]

router = APIRouter(tags=["Health"])


@router.get("/healthz", response_model=Health, responses=open_problems())
async def live() -> Response:
    """The process runs."""
    return json_answer({"status": "live"})


@router.get("/readyz", response_model=Readiness, responses=open_problems(503))
async def ready(shop: Shop) -> Response:
    """A release is loaded and warm."""
    return json_answer({"status": "ready", "release_id": shop.releases.current().release_id})


@router.get(
    "/metrics", responses={200: {"content": {"text/plain": {}}}, **open_problems()}, response_class=Response
)
def metrics(shop: Shop) -> Response:
    """Counters and times in Prometheus' text format."""
    return Response(shop.metrics.render(), media_type=METRICS_TYPE)
