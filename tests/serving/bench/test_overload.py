"""What a surge did, read from traces whose truth is known."""

import pytest

from serving.bench.load import Figures
from serving.bench.overload import Overload, Surge
from serving.bench.trace import Trace

SURGE = Surge(factor=3.0, seconds=10.0, calm_s=5.0, after_s=8.0)
BEGAN = 100.0


def base_load(slow_until: float) -> Trace:
    """Ten answers a second of 10 ms, 40 ms from the surge on until a moment."""
    trace = Trace()
    for tenth in range(950, 1190):
        due = tenth / 10
        trace.add(due, 0.04 if BEGAN <= due < slow_until else 0.01, "200")
    return trace


def overload(trace: Trace, base: Trace) -> Overload:
    return Overload(
        surge=SURGE,
        saturation=Figures(1.0, 100, 100.0),
        began=BEGAN,
        trace=trace,
        base=base,
        clients=[Figures(1.0)],
        server_cores=1.0,
        memory=[(BEGAN + second, 200.0) for second in range(10)],
    )


def test_goodput_counts_full_answers_only_and_failures_what_nobody_should_see() -> None:
    trace = Trace()
    for kind, count in (("200", 850), ("200, degraded: overload", 400), ("503", 1_700), ("500", 2)):
        for number in range(count):
            trace.add(BEGAN + 10 * number / count, 0.001 * number, kind)
    trace.add(BEGAN, 1.0, "no connection free")
    trace.add(BEGAN - 1, 1.0, "ConnectionResetError")
    found = overload(trace, base_load(BEGAN))
    assert found.goodput == pytest.approx(0.85)
    assert found.asked_per_s == pytest.approx(295.3)
    assert found.failures == {"500": 2, "no connection free": 1}
    assert found.served_ms(0.99) == pytest.approx(841.0)
    verdicts = {mark.name: mark.verdict for mark in found.marks()}
    assert verdicts["goodput by saturation"] == "PASS"
    assert verdicts["p99 of full answers"] == "short"
    assert verdicts["anything else"] == "short"
    assert verdicts["private memory, growth during the surge"] == "PASS"


@pytest.mark.parametrize(("slow_until", "recovered"), [(110.0, 0.0), (112.5, 3.0), (999.0, None)])
def test_recovery_is_when_the_base_load_is_as_before(slow_until: float, recovered: float | None) -> None:
    base = base_load(slow_until)
    assert overload(base, base).recovery_s() == recovered


def test_a_second_without_an_answer_has_not_recovered() -> None:
    base = Trace()
    for tenth in range(950, 1190):
        base.add(tenth / 10, 0.01, "503" if 1100 <= tenth < 1120 else "200")
    assert overload(base, base).recovery_s() == 2.0
