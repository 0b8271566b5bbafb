"""Logs and metrics of a serving process: one JSON object per line, one Prometheus registry per application.

Invariants: no key, token, password or signing secret reaches a log line, whatever a caller passes in; label
values come from the code (component, route and stage names), never from a request, so their number is small.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from structlog.types import EventDict, Processor

__all__ = ["METRICS_TYPE", "Metrics", "configure_logging", "request_id_from"]

METRICS_TYPE: Final = CONTENT_TYPE_LATEST
_HIDDEN: Final = "[hidden]"
_SECRET_NAME: Final = re.compile(r"authorization|secret|password|token|api_?key|cookie", re.IGNORECASE)
# An API key, the password inside a URL, a shopper token: also inside longer texts, such as an exception's.
_SECRET_TEXT: Final = re.compile(
    r"(?<=rk_[0-9a-f]{12}_)[0-9a-f]{8,}|(?<=://)[^/@\s]*:[^/@\s]+(?=@)|\bv1\.[\w-]+\.\d+\.[0-9a-f]{64}\b"
)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SECONDS: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Make structlog and the standard library write JSON lines of `level` and up to `stream` (or stderr)."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Without locals: a frame's variables are where secrets are.
                structlog.processors.ExceptionRenderer(
                    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
                ),
                _hide_secrets,
                _render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Every process that opens the database asks for migrations; that there were none is no news.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # One line per request is written by the application itself, with its request id.
    logging.getLogger("uvicorn.access").disabled = True


def request_id_from(header: str | None) -> str | None:
    """Return the caller's request id if it is 1-128 plain characters, so that it cannot break a log line."""
    return header if header and _REQUEST_ID.fullmatch(header) else None


class Metrics:
    """The numbers of one application, in a registry of its own. Times in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._histogram(
            "request", "Requests by route and status.", "route", "method", "status"
        )
        self._stages = self._histogram(
            "stage", "Stages of a recommendation and the sources inside them, by name.", "stage"
        )
        self._answers = self._counter("answers", "Lists answered, by the fallback that was used.", "fallback")
        self._degraded = self._counter("degraded", "Lists answered without a part that was away.", "part")
        self._events = self._counter("events", "Events taken in, by verdict.", "verdict")
        self._release = Gauge(
            "recsys_release_loaded", "1 for the release being served.", ("release",), registry=self.registry
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the route's template, never the path that was called."""
        self._requests.labels(route, method, str(status)).observe(seconds)

    def answer(self, fallback: str | None, degraded: Sequence[str]) -> None:
        """Count one list with the fallback level it needed and the parts it went without."""
        self._answers.labels(fallback or "none").inc()
        for part in degraded:
            self._degraded.labels(part).inc()

    def stages(self, milliseconds: Mapping[str, float]) -> None:
        """Observe what one request went through: stages and, inside one of them, sources, by name."""
        for stage, value in milliseconds.items():
            self._stages.labels(stage).observe(value / 1000)

    def events(self, verdicts: Mapping[str, int]) -> None:
        """Count a batch of events by verdict."""
        for verdict, count in verdicts.items():
            self._events.labels(verdict).inc(count)

    def release(self, release_id: str) -> None:
        """Note which release is served from now on."""
        self._release.clear()
        self._release.labels(release_id).set(1)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format (`METRICS_TYPE`)."""
        return generate_latest(self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"recsys_{name}_seconds", text, labels, buckets=_SECONDS, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"recsys_{name}_total", text, labels, registry=self.registry)


def _hide_secrets(_logger: object, _method: str, line: EventDict) -> EventDict:
    return {name: _hidden(name, value) for name, value in line.items()}


def _hidden(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name) and value is not None:
        return _HIDDEN
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_HIDDEN, value)
    if isinstance(value, Mapping):
        return {str(inner): _hidden(str(inner), each) for inner, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_hidden(name, each) for each in value]
    return value


def _render(_logger: object, _method: str, line: EventDict) -> str:
    return orjson.dumps(line, default=lambda value: _SECRET_TEXT.sub(_HIDDEN, repr(value))).decode()
