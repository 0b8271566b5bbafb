import gc
import time

import pytest

from serving.lists.stage_watch import OutOfTime, StageWatch


def work() -> None:
    until = time.thread_time() + 0.002
    while time.thread_time() < until:
        pass


def test_stages_are_timed_by_name() -> None:
    watch = StageWatch(budget_ms=10_000)
    for stage in ("read", "retrieve"):
        with watch(stage):
            work()
    assert watch.milliseconds.keys() == {"read", "retrieve"}
    assert all(spent >= 1.9 for spent in watch.milliseconds.values())


def test_a_spent_budget_ends_the_way_before_a_costly_stage() -> None:
    watch = StageWatch(budget_ms=1)
    with watch("read"):
        work()
    with watch("filter"):
        pass
    for stage in ("retrieve", "score"):
        with pytest.raises(OutOfTime), watch(stage):
            pytest.fail("it began")
    with watch("select"):
        pass


def test_waiting_is_not_work() -> None:
    watch = StageWatch(budget_ms=5)
    time.sleep(0.05)
    with watch("retrieve"):
        pass


def test_a_full_garbage_collection_is_not_the_requests_work() -> None:
    watch = StageWatch(budget_ms=1)
    with watch("read"):
        work()
    gc.collect()
    with watch("retrieve"):
        pass
