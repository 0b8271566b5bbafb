"""Logs and metrics of a serving process: one JSON object per line, one Prometheus registry per application.

Metrics are counted in shared numbers, so that whichever of several workers is asked tells what all of them did.

What runs for every request is kept apart from what may be slow: its one log line is written as it is, its label
values are looked up once.

Invariants: no key, token, password or signing secret reaches a log line, whatever a caller passes in; label
values come from the code (component, route and stage names), never from a request, so their number is small.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from structlog.types import EventDict, Processor

from serving.instruments import Instruments
from serving.shared_numbers import Board

__all__ = ["METRICS_TYPE", "REQUEST_ID", "Metrics", "configure_logging", "log_request", "request_id_from"]

METRICS_TYPE: Final = CONTENT_TYPE_LATEST
_HIDDEN: Final = "[hidden]"
_SECRET_NAME: Final = re.compile(r"authorization|secret|password|token|api_?key|cookie", re.IGNORECASE)
# An API key, the password inside a URL, a shopper token: also inside longer texts, such as an exception's.
_SECRET_TEXT: Final = re.compile(
    r"(?<=rk_[0-9a-f]{12}_)[0-9a-f]{8,}|(?<=://)[^/@\s]*:[^/@\s]+(?=@)|\bv1\.[\w-]+\.\d+\.[0-9a-f]{64}\b"
)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SECONDS: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_COUNTS: Final = (0, 1, 5, 10, 20, 50, 100, 200, 400, 800)
_DELAYS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0)

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id")
"""Of the request that is being answered; every log line made meanwhile carries it."""


class _RequestLog:
    """Where the line of each request goes: nowhere until logging is configured, and below level `info`."""

    stream: TextIO | None = None


_request_log: Final = _RequestLog()


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Make structlog and the standard library write JSON lines of `level` and up to `stream` (or stderr)."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
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
    _request_log.stream = (stream or sys.stderr) if root.isEnabledFor(logging.INFO) else None


def log_request(request_id: str, method: str, route: str, status: int, took_ms: float) -> None:
    """Write the line of one finished request; nothing in it can hold a secret but an id that the caller chose."""
    stream = _request_log.stream
    if stream is None:
        return
    line = {
        "method": method,
        "route": route,
        "status": status,
        "took_ms": took_ms,
        "event": "request",
        # Ids made here are hexadecimal with dashes; whatever a key or a token consists of has one of these.
        "request_id": _SECRET_TEXT.sub(_HIDDEN, request_id)
        if "_" in request_id or "." in request_id
        else request_id,
        "level": "info",
        "logger": "serving.wire.envelope",
        "at": datetime.now(UTC),
    }
    # One write a line, so that lines of threads never mix.
    stream.write(orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE).decode())
    stream.flush()


def request_id_from(header: str | None) -> str | None:
    """Return the caller's request id if it is 1-128 plain characters, so that it cannot break a log line."""
    return header if header and _REQUEST_ID.fullmatch(header) else None


class Metrics:
    """The numbers of one application, in a registry of its own. Times in seconds.

    `worker` counts from 1 and says which page of the board this process writes; sums are over all of them.
    """

    def __init__(self, board: Board | None = None, worker: int = 1) -> None:
        self.registry = CollectorRegistry()
        self._instruments = made = Instruments(board or Board(), worker)
        self._requests = made.histogram(
            "recsys_request_seconds",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            _SECONDS,
        )
        self._stages = made.histogram(
            "recsys_stage_seconds",
            "Stages of a recommendation and the sources inside them, by name.",
            ("stage",),
            _SECONDS,
        )
        self._candidates = made.histogram(
            "recsys_candidates",
            "Items that each source proposed for a list, and 'union', all that competed for it.",
            ("source",),
            _COUNTS,
        )
        self._waits = made.histogram(
            "recsys_queue_wait_seconds", "How long lists waited for their turn.", (), _SECONDS
        )
        self._answers = made.counter(
            "recsys_answers", "Lists answered, by the fallback that was used.", "fallback"
        )
        self._empty = made.counter(
            "recsys_empty_lists", "Lists without an item, by slot and reason.", "slot", "reason"
        )
        self._degraded = made.counter(
            "recsys_degraded", "Lists answered without a part that was away.", "part"
        )
        self._surplus = made.counter(
            "recsys_overload",
            "List requests past the bound, by what they got: trending or refused.",
            "outcome",
        )
        self._stale = made.counter(
            "recsys_stale_refused", "Lists refused for max_staleness_s, by part.", "part"
        )
        self._events = made.counter("recsys_events", "Events taken in, by verdict.", "verdict")
        self._delays = made.histogram(
            "recsys_event_delay_seconds",
            "From when an event happened until it was stored, and so known to lists.",
            (),
            _DELAYS,
        )
        self._cache = made.counter(
            "recsys_cache", "Look-ups of prepared values, by cache and result.", "cache", "result"
        )
        self._release = made.word("recsys_release_loaded", "1 for the release being served.", "release")
        self.registry.register(made)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the route's template, never the path that was called."""
        self._requests.labels(route, method, str(status)).observe(seconds)

    def answer(self, fallback: str | None, degraded: Sequence[str]) -> None:
        """Count one list with the fallback level it needed and the parts it went without."""
        self._answers.inc(fallback or "none")
        for part in degraded:
            self._degraded.inc(part)

    def empty(self, slot: str, reason: str) -> None:
        """Count one list without an item; `slot` is one the library knows, `reason` a notice."""
        self._empty.inc(slot, reason)

    def candidates(self, counts: Mapping[str, int]) -> None:
        """Observe how many items competed for one list, by source and as a `union`."""
        for source, count in counts.items():
            self._candidates.labels(source).observe(count)

    def stages(self, milliseconds: Mapping[str, float]) -> None:
        """Observe what one request went through: stages and, inside one of them, sources, by name."""
        for stage, value in milliseconds.items():
            self._stages.labels(stage).observe(value / 1000)

    def waited(self, seconds: float) -> None:
        """Observe how long one list waited for its turn."""
        self._waits.labels().observe(seconds)

    def surplus(self, outcome: str) -> None:
        """Count one list request past the bound: `trending` or `refused`."""
        self._surplus.inc(outcome)

    def refused_as_stale(self, part: str) -> None:
        """Count one list that the caller would rather not have than from a part this old."""
        self._stale.inc(part)

    def cache(self, name: str, hits: int, misses: int) -> None:
        """Count look-ups of prepared values."""
        if hits:
            self._cache.inc(name, "hit", by=hits)
        if misses:
            self._cache.inc(name, "miss", by=misses)

    def events(self, verdicts: Mapping[str, int]) -> None:
        """Count a batch of events by verdict."""
        for verdict, count in verdicts.items():
            self._events.inc(verdict, by=count)

    def event_delays(self, milliseconds: Iterable[float]) -> None:
        """Observe how late new events became known to lists."""
        series = self._delays.labels()
        for value in milliseconds:
            series.observe(value / 1000)

    def release(self, release_id: str) -> None:
        """Note which release this worker serves from now on."""
        self._release.set(release_id)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Have `recsys_<name>` read about once a second and at each scrape, for each worker."""
        self._instruments.gauge(f"recsys_{name}", text, read)

    def lag(self, name: str, text: str, read: Callable[[], float]) -> None:
        """The same as `recsys_<name>_seconds`, of something that grows by itself; of a stuck worker too."""
        self._instruments.gauge(f"recsys_{name}_seconds", text, read, grows=True)

    def run(self, stop: threading.Event) -> None:
        """Read gauges for other workers' scrapes until `stop`; for a thread of its own."""
        self._instruments.run(stop)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format (`METRICS_TYPE`)."""
        return generate_latest(self.registry)


def _add_request_id(_logger: object, _method: str, line: EventDict) -> EventDict:
    request_id = REQUEST_ID.get(None)
    if request_id is not None:
        line.setdefault("request_id", request_id)
    return line


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
