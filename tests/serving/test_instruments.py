"""Metrics of several workers: sums whoever is asked, nothing goes back when one dies, gauges by worker."""

import os
import re
import threading
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from serving.instruments import Histogram, Instruments
from serving.observability import Metrics
from serving.shared_numbers import Board


def told(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a scrape."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def counted(metrics: Metrics) -> dict[object, float]:
    """Of these, what only grows and is no process's own."""
    return {
        key: value
        for key, value in told(metrics).items()
        if re.search("_(total|count|sum|bucket)$", key[0]) and not key[0].startswith("process_")
    }


def use(metrics: Metrics) -> None:
    metrics.request("/v1/recommendations", "POST", 200, 0.003)
    metrics.stages({"retrieve": 1.5, "own": 0.25})
    metrics.candidates({"union": 180, "own": 7})
    metrics.answer("trending", ("online_features",))
    metrics.events({"accepted": 5})
    metrics.waited(0.001)


def test_whichever_worker_is_asked_tells_what_all_of_them_counted() -> None:
    board = Board(3)
    workers = [Metrics(board, number) for number in (1, 2, 3)]
    for metrics in (workers[0], workers[1], workers[1]):
        use(metrics)
    assert counted(workers[0]) == counted(workers[1]) == counted(workers[2])
    value = workers[2].registry.get_sample_value
    assert value("recsys_events_total", {"verdict": "accepted"}) == 15
    assert value("recsys_candidates_sum", {"source": "own"}) == 21
    assert value("recsys_stage_seconds_sum", {"stage": "own"}) == pytest.approx(0.00075)
    assert value("recsys_stage_seconds_bucket", {"stage": "own", "le": "0.0005"}) == 3
    assert value("recsys_queue_wait_seconds_count") == 3


def test_nothing_goes_back_when_a_worker_dies_and_comes_back() -> None:
    board = Board(2)
    first, second = Metrics(board, 1), Metrics(board, 2)
    use(first)
    use(second)
    before = counted(second)
    del first
    assert counted(second) == before
    successor = Metrics(board, 1)
    use(successor)
    after = counted(second)
    assert after.keys() == before.keys()
    assert all(after[key] >= before[key] for key in before)
    value = second.registry.get_sample_value
    assert value("recsys_events_total", {"verdict": "accepted"}) == 15
    assert value("recsys_worker_starts_total", {"worker": "1"}) == 2


def test_gauges_are_those_of_each_worker_as_of_its_last_beat() -> None:
    board = Board(3)
    first, second = Instruments(board, 1), Instruments(board, 2)
    levels = {1: 1.0, 2: 2.0}
    first.gauge("level", "How high.", lambda: levels[1])
    second.gauge("level", "How high.", lambda: levels[2])
    second.beat()
    levels.update({1: 10.0, 2: 20.0})
    registry = CollectorRegistry()
    registry.register(first)
    assert registry.get_sample_value("level", {"worker": "1"}) == 10.0
    assert registry.get_sample_value("level", {"worker": "2"}) == 2.0
    assert registry.get_sample_value("level", {"worker": "3"}) is None
    Instruments(board, 2).gauge("level", "How high.", lambda: 5.0)
    fresh = registry.get_sample_value("level", {"worker": "2"})
    assert fresh is not None and isnan(fresh)


def test_what_grows_by_itself_goes_on_growing_for_a_worker_that_is_stuck() -> None:
    board = Board(2)
    first, stuck = Metrics(board, 1), Metrics(board, 2)
    for metrics in (first, stuck):
        metrics.lag("catalogue_lag", "Since all was known.", lambda: 0.5)
    stuck._instruments.beat()
    value = first.registry.get_sample_value
    seen = [value("recsys_catalogue_lag_seconds", {"worker": "2"})]
    threading.Event().wait(0.02)
    seen.append(value("recsys_catalogue_lag_seconds", {"worker": "2"}))
    assert 0.5 <= seen[0] < seen[1]  # type: ignore[operator]
    assert value("recsys_catalogue_lag_seconds", {"worker": "1"}) == pytest.approx(0.5, abs=0.2)


def test_each_worker_tells_its_release() -> None:
    board = Board(2)
    first, second = Metrics(board, 1), Metrics(board, 2)
    first.release("3f9c1a7be0d24c55")
    second.release("0123456789abcdef")
    second.release("fedcba9876543210")
    releases = {key[1] for key in told(first) if key[0] == "recsys_release_loaded"}
    assert releases == {
        (("release", "3f9c1a7be0d24c55"), ("worker", "1")),
        (("release", "fedcba9876543210"), ("worker", "2")),
    }


def test_the_figures_of_the_process_are_those_of_each_worker() -> None:
    metrics = Metrics(Board(2), 2)
    value = metrics.registry.get_sample_value
    resident = value("process_resident_memory_bytes", {"worker": "2"})
    assert resident is not None and resident > 1e6
    assert value("process_cpu_seconds_total", {"worker": "2"}) == pytest.approx(sum(os.times()[:2]), abs=1)
    assert value("process_resident_memory_bytes", {"worker": "1"}) is None


@given(st.lists(st.floats(0, 3), max_size=50), st.lists(st.floats(0, 3), max_size=50))
def test_buckets_are_what_counting_one_by_one_gives(ones: list[float], others: list[float]) -> None:
    bounds, board = (0.5, 1.0, 2.0), Board(2)
    made = []
    for worker, values in ((1, ones), (2, others)):
        histogram: Histogram = Instruments(board, worker).histogram("h", "A histogram.", ("a",), bounds)
        made.append(histogram)
        for value in values:
            histogram.labels("x").observe(value)
    registry = CollectorRegistry()
    asked = Instruments(board, 1)
    asked.histogram("h", "A histogram.", ("a",), bounds)
    registry.register(asked)
    if not ones + others:
        return
    for bound in bounds:
        held = registry.get_sample_value("h_bucket", {"a": "x", "le": str(bound)})
        assert held == sum(value <= bound for value in ones + others)
    assert registry.get_sample_value("h_count", {"a": "x"}) == len(ones + others)
    assert registry.get_sample_value("h_sum", {"a": "x"}) == pytest.approx(sum(ones) + sum(others))


def test_threads_lose_no_observation() -> None:
    metrics = Metrics()

    def observe() -> None:
        for _ in range(2000):
            metrics.stages({"retrieve": 1.0})
            metrics.events({"accepted": 1})

    threads = [threading.Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    value = metrics.registry.get_sample_value
    assert value("recsys_stage_seconds_count", {"stage": "retrieve"}) == 8000
    assert value("recsys_events_total", {"verdict": "accepted"}) == 8000
