import time

import pytest

from serving.lists.stage_watch import OutOfTime, Pace, StageWatch


def work(milliseconds: float = 2.0) -> None:
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


def paced(**usual: float) -> Pace:
    pace = Pace()
    for _ in range(200):
        for stage, milliseconds in usual.items():
            pace.learn(stage, milliseconds)
    return pace


def test_stages_are_timed_by_name() -> None:
    watch = StageWatch(10_000, Pace())
    for stage in ("read", "retrieve"):
        with watch(stage):
            work()
    assert watch.milliseconds.keys() == {"read", "retrieve"}
    assert all(spent >= 1.9 for spent in watch.milliseconds.values())


def test_a_spent_budget_ends_the_way_before_a_costly_stage() -> None:
    watch = StageWatch(1, paced(retrieve=5, score=5))
    with watch("read"):
        work()
    with watch("filter"):
        pass
    for stage in ("retrieve", "score"):
        with pytest.raises(OutOfTime), watch(stage):
            pytest.fail("it began")
    with watch("select"):
        pass


def test_who_is_late_goes_on_when_the_rest_is_cheap() -> None:
    watch = StageWatch(1, paced(retrieve=0.04, score=0.04))
    with watch("read"):
        work()
    with watch("retrieve"):
        pass
    late = StageWatch(1, paced(retrieve=50, score=0.04))
    with late("read"):
        work()
    with late("score"):
        pass


def test_in_time_nothing_ends_however_dear_the_rest_is() -> None:
    with StageWatch(10_000, paced(retrieve=5_000, score=5_000))("retrieve"):
        pass


def test_waiting_is_not_work() -> None:
    watch = StageWatch(5, paced(retrieve=50))
    time.sleep(0.05)
    with watch("retrieve"):
        pass


def test_the_pace_is_that_of_late_requests_and_adds_up_what_is_ahead() -> None:
    pace = paced(retrieve=3, score=4)
    assert pace.ahead("retrieve") == pytest.approx(7, rel=0.01)
    assert pace.ahead("score") == pytest.approx(4, rel=0.01)
    assert pace.ahead("read") == pace.ahead("select") == 0
    pace.learn("score", 400)
    assert 30 < pace.ahead("score") < 60
