"""Traces of requests in OpenTelemetry's form, where a collector is named; without one nothing of it is imported.

A traced request is one span, with a span for each stage of its lists and each source inside `retrieve`, and costs a
third of a millisecond; one that is not sampled costs ten microseconds. Who calls with a sampled `traceparent` is always
traced.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.errors import ConfigError
from serving.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

__all__ = ["Traced", "open_tracing", "watched"]

Watch = Callable[[str], AbstractContextManager[object]]
_UNTRACED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_TRACER: Final[ContextVar["Tracer"]] = ContextVar("tracer")
"""Of the request that is being answered; unset for one that is not traced."""


def open_tracing(settings: Settings) -> "TracerProvider | None":
    """What makes spans and sends them from a thread of its own; None without `OTEL_EXPORTER_OTLP_ENDPOINT`.

    Name, headers, timeouts and sampler are those of the standard's own variables, where they are set.

    Raises:
        ConfigError: a collector is named and the packages of the extra `otel` are not installed.
    """
    if settings.otlp_endpoint is None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError as error:
        raise ConfigError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which needs {error.name!r}; "
            "install it with: pip install 'recsys-shop[otel]', or unset the variable"
        ) from None
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "recsys"}
    sampler = ParentBased(TraceIdRatioBased(settings.trace_share))
    provider = TracerProvider(
        # None: as OTEL_TRACES_SAMPLER says.
        sampler=None if os.environ.get("OTEL_TRACES_SAMPLER") else sampler,
        resource=Resource.create({**named, "service.version": version("recsys-shop")}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def watched(watch: Watch) -> Watch:
    """`watch`, with a span around each stage of a request that is traced."""
    tracer = _TRACER.get(None)
    return watch if tracer is None else partial(_spanned, watch, tracer)


class Traced:
    """The layer around everything: one span a request, of kind server, named after method and route."""

    def __init__(self, app: ASGIApp, provider: "TracerProvider") -> None:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._app = app
        self._tracer = provider.get_tracer("recsys")
        self._server = SpanKind.SERVER
        self._caller = TraceContextTextMapPropagator().extract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.start_as_current_span(
            scope["method"], self._caller(headers), self._server, record_exception=False
        ) as span:
            if not span.is_recording():
                await self._app(scope, receive, send)
                return
            bound = _TRACER.set(self._tracer)
            try:
                await self._app(scope, receive, partial(_send, span, send))
            finally:
                _TRACER.reset(bound)
                _describe(span, scope)


async def _send(span: "Span", send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        from opentelemetry.trace import StatusCode

        status = message["status"]
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(StatusCode.ERROR)
    await send(message)


def _describe(span: "Span", scope: Scope) -> None:
    """What is known once the request was answered; never its path, which may hold a shopper's id."""
    route = getattr(scope.get("route"), "path", "unmatched")
    span.update_name(f"{scope['method']} {route}")
    span.set_attributes(
        {
            "http.request.method": scope["method"],
            "http.route": route,
            "recsys.request_id": scope.get("state", {}).get("request_id", ""),
        }
    )


@contextmanager
def _spanned(watch: Watch, tracer: "Tracer", stage: str) -> Iterator[None]:
    with tracer.start_as_current_span(stage, record_exception=False), watch(stage):
        yield
