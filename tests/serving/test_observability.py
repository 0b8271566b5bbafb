"""Logs are JSON lines without secrets; metrics have bounded labels and a registry of their own."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from serving.observability import Metrics, configure_logging, log_request, request_id_from

KEY = f"rk_{'a1' * 6}_{'0f' * 32}"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the configured logging writes; the process's logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    configure_logging("info", text)
    yield text
    root.handlers[:], root.level = handlers, level
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_request_id(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("serving.events").info("events_taken", accepted=2, shop="小店")
    (line,) = lines(stream)
    assert {**line, "at": "?"} == {
        "event": "events_taken",
        "level": "info",
        "logger": "serving.events",
        "request_id": "r-1",
        "accepted": 2,
        "shop": "小店",
        "at": "?",
    }
    assert line["at"].endswith("Z")


def test_the_standard_library_writes_the_same_lines(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("socket %s closed", 7)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("socket 7 closed", "warning", "uvicorn.error")


def test_lines_below_the_level_are_not_written(stream: io.StringIO) -> None:
    structlog.get_logger().debug("too_fine")
    logging.getLogger("library").debug("too fine")
    assert lines(stream) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": f"Bearer {KEY}"},
        {"headers": {"X-Shopper-Token": "v1.dQ.1.00", "Authorization": KEY}},
        {"note": f"refused {KEY} for good"},
        {"url": "redis://:0f0f0f0f@cache:6379/0"},
        {"urls": ["postgresql+psycopg://recsys:0f0f0f0f@db/recsys"]},
        {"shopper_secret": "0f" * 32},
        {"text": "token v1.dQ.1767225600000." + "0f" * 32},
        {"thing": type("Thing", (), {"__repr__": lambda _: f"<{KEY}>"})()},
    ],
)
def test_no_secret_reaches_a_line(stream: io.StringIO, fields: dict[str, object]) -> None:
    structlog.get_logger().info("something", **fields)
    assert "0f0f0f" not in stream.getvalue()
    assert len(lines(stream)) == 1


def test_a_stack_trace_is_logged_without_the_variables_of_its_frames(stream: io.StringIO) -> None:
    def fail(hidden: str) -> None:
        raise RuntimeError(f"{len(hidden)} characters, key {KEY}")

    try:
        fail("0f" * 40)
    except RuntimeError:
        structlog.get_logger().exception("request_failed")
    (line,) = lines(stream)
    assert line["exception"][0]["exc_type"] == "RuntimeError"
    assert "80 characters" in line["exception"][0]["exc_value"]
    assert "0f0f0f" not in stream.getvalue()


@pytest.mark.parametrize("header", [None, "", "two\nlines", "x" * 129, "with space", "中文"])
def test_a_request_id_that_could_break_a_line_is_not_taken_over(header: str | None) -> None:
    assert request_id_from(header) is None


def test_a_plain_request_id_is_taken_over() -> None:
    assert request_id_from("shop-7:0191.a_b") == "shop-7:0191.a_b"


def test_stages_and_sources_are_histograms_in_seconds_under_their_own_names() -> None:
    metrics = Metrics()
    metrics.stages({"retrieve": 2.0, "rank": 0.5})
    metrics.stages({"retrieve": 4.0, "own": 1.0})
    value = metrics.registry.get_sample_value
    assert value("recsys_stage_seconds_count", {"stage": "retrieve"}) == 2
    assert value("recsys_stage_seconds_sum", {"stage": "retrieve"}) == pytest.approx(0.006)
    assert value("recsys_stage_seconds_sum", {"stage": "own"}) == pytest.approx(0.001)


def test_answers_events_and_requests_are_counted() -> None:
    metrics = Metrics()
    metrics.answer(None, ())
    metrics.answer("trending", ("online_features",))
    metrics.events({"accepted": 3, "duplicates": 0})
    metrics.request("/v1/items/{id}", "GET", 200, 0.004)
    value = metrics.registry.get_sample_value
    assert value("recsys_answers_total", {"fallback": "none"}) == 1
    assert value("recsys_answers_total", {"fallback": "trending"}) == 1
    assert value("recsys_degraded_total", {"part": "online_features"}) == 1
    assert value("recsys_events_total", {"verdict": "accepted"}) == 3
    labels = {"route": "/v1/items/{id}", "method": "GET", "status": "200"}
    assert value("recsys_request_seconds_count", labels) == 1


def test_buckets_hold_what_is_at_most_their_bound_and_add_up() -> None:
    metrics = Metrics()
    for milliseconds in (0.2, 0.3, 5.0, 9_000.0):
        metrics.stages({"score": milliseconds})
    value = metrics.registry.get_sample_value
    held = {
        bound: value("recsys_stage_seconds_bucket", {"stage": "score", "le": bound})
        for bound in ("0.0002", "0.0005", "0.005", "2.5", "+Inf")
    }
    assert held == {"0.0002": 1, "0.0005": 2, "0.005": 3, "2.5": 3, "+Inf": 4}


def test_what_competed_what_was_empty_and_what_was_prepared_is_counted() -> None:
    metrics = Metrics()
    metrics.candidates({"union": 180, "taste": 60})
    metrics.empty("home", "empty_by_filter")
    metrics.cache("items", hits=38, misses=2)
    metrics.lag("catalogue_lag", "Since prices and stock were known completely.", lambda: 0.25)
    value = metrics.registry.get_sample_value
    assert value("recsys_candidates_sum", {"source": "union"}) == 180
    assert value("recsys_empty_lists_total", {"slot": "home", "reason": "empty_by_filter"}) == 1
    assert value("recsys_cache_total", {"cache": "items", "result": "hit"}) == 38
    assert value("recsys_catalogue_lag_seconds", {"worker": "1"}) == pytest.approx(0.25, abs=0.2)


def test_the_line_of_a_request_is_like_every_other_line(stream: io.StringIO) -> None:
    log_request("shop-1", "POST", "/v1/recommendations", 200, 1.25)
    log_request(KEY, "GET", "/healthz", 200, 0.1)
    told, hidden = lines(stream)
    assert {**told, "at": "?"} == {
        "event": "request",
        "level": "info",
        "logger": "serving.wire.envelope",
        "request_id": "shop-1",
        "method": "POST",
        "route": "/v1/recommendations",
        "status": 200,
        "took_ms": 1.25,
        "at": "?",
    }
    assert told["at"].endswith("Z")
    assert "0f0f0f" not in hidden["request_id"]


def test_below_the_level_no_request_is_logged() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    configure_logging("warning", text)
    log_request("shop-1", "POST", "/v1/recommendations", 200, 1.25)
    root.handlers[:], root.level = handlers, level
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()
    assert text.getvalue() == ""


def test_one_release_is_loaded_at_a_time() -> None:
    metrics = Metrics()
    metrics.release("aaaa")
    metrics.release("bbbb")
    text = metrics.render().decode()
    assert 'recsys_release_loaded{release="bbbb",worker="1"} 1.0' in text
    assert "aaaa" not in text


def test_two_applications_in_one_process_do_not_share_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.answer(None, ())
    assert second.registry.get_sample_value("recsys_answers_total", {"fallback": "none"}) is None
