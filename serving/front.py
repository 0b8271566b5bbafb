"""What stands in front of the framework, from outside in: traces where they are asked for, CORS, the door, the envelope
(request id, time, metrics, last word on errors), the short way of lists, gzip, those of halls and events.

The framework's own layers would run for every request that never needs it.
"""

from typing import TYPE_CHECKING, Final

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from serving.resources import Resources
from serving.routes.event_lane import EventLane
from serving.routes.hall_lane import HallLane
from serving.routes.list_lane import GZIP_LEVEL, LONG_BYTES, ListLane
from serving.settings import Settings
from serving.tracing import Traced
from serving.wire.door import Door
from serving.wire.envelope import Envelope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["in_front"]

_EXPOSED: Final = ("X-Request-Id", "X-Took-Ms", "Retry-After")


def in_front(
    framework: ASGIApp, resources: Resources, tracing: "TracerProvider | None" = None, *, short: bool = True
) -> ASGIApp:
    """The layers around the framework; without the `short` ways everything goes through it."""
    inner = HallLane(EventLane(framework, resources), resources) if short else framework
    app: ASGIApp = GZipMiddleware(inner, minimum_size=LONG_BYTES, compresslevel=GZIP_LEVEL)
    if short:
        app = ListLane(app, resources)
    app = Envelope(app, resources.metrics)
    if short:
        app = Door(app, resources.turns, resources.metrics)
    if resources.settings.cors_origins:
        app = _with_cors(app, resources.settings)
    return app if tracing is None else Traced(app, tracing)


def _with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["Authorization", "Content-Type", "X-Shopper-Token", "X-Request-Id"],
        expose_headers=_EXPOSED,
    )
