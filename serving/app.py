"""The HTTP application: routes, what wraps them, and how every error becomes a problem.

Around everything stands `serving.front`; inside the framework are the body limit and the routes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from recsys.errors import RecsysError
from serving.errors import MalformedRequest
from serving.front import in_front
from serving.resources import Resources, compose
from serving.routes import events, health, items, recommendations, releases, scenarios, users
from serving.routes.documentation import with_keys, with_shared_schemas
from serving.settings import Settings
from serving.stores import open_stores
from serving.tracing import open_tracing
from serving.wire.body_limit import BodyLimit
from serving.wire.problems import problem_of
from serving.wire.query_guard import refuse_unknown_parameters
from serving.wire.validation import field_errors, refusal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["create_app"]

_ROUTERS: Final = (recommendations, scenarios, events, items, users, releases, health)
_BULK: Final = frozenset({"/v1/items", "/v1/offers", "/v1/users"})
_DESCRIPTION: Final = """
Lists, scenario halls and events of a shop. Every refusal is a problem (RFC 9457) with a stable `code`; unknown fields
and query parameters are refused by name. Times are RFC 3339. Keys: `Authorization: Bearer <key>`.
"""


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The application; without `resources` it is put together from the settings, by default the environment's.

    Raises:
        ConfigError: open CORS and browser keys, or a setting that is wrong.
        SetupError: a store is there and unsafe to use.
    """
    settings = settings or (resources.settings if resources else Settings.load())
    resources = resources or compose(settings, open_stores(settings))
    resources.prepare()
    tracing = open_tracing(settings)
    app: FastAPI = FastAPIOffline(
        # Ours are those of `serving.tracing` and `serving.observability`.
        telemetry={"tracing": False, "metrics": False, "logging": False},
        docs_url="/docs",
        redoc_url=None,
        title="recsys",
        version=version("recsys-shop"),
        description=_DESCRIPTION,
        lifespan=_lifespan(resources, tracing),
        dependencies=[Depends(refuse_unknown_parameters)],
        redirect_slashes=False,
    )
    app.state.resources = resources
    for module in _ROUTERS:
        app.include_router(module.router)
    app.add_middleware(BodyLimit, bulk=_BULK)
    _handle_errors(app)
    _document(app)
    app.middleware_stack = in_front(app.build_middleware_stack(), resources, tracing)
    return app


def _lifespan(resources: Resources, tracing: "TracerProvider | None") -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(resources.start)
        yield
        await resources.stores.reads.close()
        await run_in_threadpool(resources.close)
        if tracing is not None:
            await run_in_threadpool(tracing.shutdown)

    return lifespan


def _handle_errors(app: FastAPI) -> None:
    async def refuse(request: Request, error: Exception) -> Response:
        return problem_of(error, request.state.request_id)

    async def refuse_invalid(request: Request, error: Exception) -> Response:
        return problem_of(_as_refusal(request, error), request.state.request_id)

    for kind in (RecsysError, HTTPException, Exception):
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(RequestValidationError, refuse_invalid)


def _as_refusal(request: Request, error: Exception) -> RecsysError:
    """The framework's validation error in our words."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this class)
    mistakes = error.errors()
    if mistakes[0]["type"] == "json_invalid":
        reason = mistakes[0]["ctx"]["error"]
        return MalformedRequest(f"the body is not JSON in UTF-8: {reason} (at byte {mistakes[0]['loc'][-1]})")
    model = request.scope["route"].body_field
    annotation = model.field_info.annotation if model is not None else None
    return refusal(field_errors([{**each, "loc": each["loc"][1:]} for each in mistakes], annotation))


def _document(app: FastAPI) -> None:
    """Add to the generated page what types alone do not say."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_keys(with_shared_schemas(generate()))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
