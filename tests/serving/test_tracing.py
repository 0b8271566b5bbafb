"""Traces arrive at a collector as spans of requests, stages and sources; without a collector nothing is imported."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from recsys.errors import ConfigError
from serving.settings import Settings
from serving.tracing import open_tracing

CALLER = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """Takes traces over HTTP as a collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.service = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    named = {each.key: each.value.string_value for each in resource.resource.attributes}
                    outer.service = named["service.name"]
                    outer.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def named(self, name: str) -> Span:
        """The first span of that name, when it has arrived."""
        for _ in range(500):
            for span in self.spans:
                if span.name == name:
                    return span
            threading.Event().wait(0.02)
        pytest.fail(f"no span {name!r} among {[span.name for span in self.spans]}")

    def under(self, parent: Span) -> list[str]:
        """Names of a span's children, in the order in which they began."""
        found = [span for span in self.spans if span.parent_span_id == parent.span_id]
        return [span.name for span in sorted(found, key=lambda span: span.start_time_unix_nano)]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{made.server.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def sampled(home: Path, redis_url: str, share: float) -> Settings:
    return Settings(
        home=home,
        redis_url=redis_url,
        namespace=f"t{uuid.uuid4().hex[:12]}",
        deadline_ms=10_000,
        trace_share=share,
    )


@pytest.fixture
def traced(open_api: Any, redis_url: str, tmp_path: Path, collector: Collector) -> Any:
    return open_api(settings=sampled(tmp_path, redis_url, 1.0))


def attributes(span: Span) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def test_a_list_is_a_span_with_its_stages_and_their_sources(traced: Any, collector: Collector) -> None:
    events = [{"type": "view", "item_id": "mug/0001"}]
    answer = traced.call(
        "POST", "/v1/recommendations", json={"events": events}, headers={"X-Request-Id": "asked-1"}
    )
    assert answer.status_code == 200
    request = collector.named("POST /v1/recommendations")
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/recommendations",
        "http.response.status_code": 200,
        "recsys.request_id": "asked-1",
    }
    assert request.kind == Span.SPAN_KIND_SERVER
    assert collector.under(request) == ["read", "filter", "retrieve", "score", "select"]
    sources = traced.resources.releases.current().pipeline.sources
    retrieve = next(span for span in collector.spans if span.name == "retrieve")
    assert collector.under(retrieve) == [source.name for source in sources]
    assert {span.trace_id for span in collector.spans} == {request.trace_id}
    assert collector.service == "recsys"


def test_a_request_is_named_by_its_route_and_a_refusal_by_its_status(
    traced: Any, collector: Collector
) -> None:
    traced.call("GET", "/v1/items/secret-item-id", "ingest")
    traced.call("GET", "/healthz", None)
    traced.recommend(num=0)
    found = collector.named("GET /v1/items/{item_id:path}")
    assert attributes(found)["http.response.status_code"] == 404
    assert attributes(collector.named("POST /v1/recommendations"))["http.response.status_code"] == 422
    assert [span.name for span in collector.spans if "healthz" in span.name] == []
    assert not any(b"secret-item-id" in span.SerializeToString() for span in collector.spans)


def test_who_calls_decides_over_the_share(
    open_api: Any, redis_url: str, tmp_path: Path, collector: Collector
) -> None:
    api = open_api(settings=sampled(tmp_path, redis_url, 0.0))
    assert api.recommend().status_code == 200
    for flags in ("00", "01"):
        parent = f"00-{CALLER}-b7ad6b7169203331-{flags}"
        answer = api.call("POST", "/v1/recommendations", json={}, headers={"traceparent": parent})
        assert answer.status_code == 200
    request = collector.named("POST /v1/recommendations")
    assert request.trace_id.hex() == CALLER
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert [span.name for span in collector.spans].count("POST /v1/recommendations") == 1


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true"}])
def test_no_traces_are_made_where_nobody_wants_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    if variables:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert open_tracing(Settings()) is None


def test_without_a_collector_nothing_of_it_is_imported_and_without_packages_it_is_said() -> None:
    program = """
import os, sys
sys.modules["opentelemetry.exporter"] = None
from serving.settings import Settings
from serving.tracing import open_tracing, watched
assert open_tracing(Settings()) is None and watched(len) is len
assert [name for name, module in sys.modules.items() if name.startswith("opentelemetry") and module] == []
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318"
open_tracing(Settings())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert "recsys-shop[otel]" in done.stderr and ConfigError.__name__ in done.stderr
