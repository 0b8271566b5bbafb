"""What is made of the figures: ratios within a round, the run that targets speak of at the top."""

from dataclasses import asdict

import pytest

from serving.bench.load import Figures
from serving.bench.measure import Load, Run, SystemFigures
from serving.bench.processes import Cores, Memory
from serving.bench.report import plain


def system(rates: list[float], cpu_s: float) -> SystemFigures:
    """Rounds of one second each, each of which took the server so much CPU time."""
    figures = SystemFigures(start_s=1.0)
    for rate in rates:
        figures.saturated(Figures(1.0, round(rate), rate, errors={"500": 2}, degraded=3), cpu_s)
    figures.half = Figures(1.0, 10, 10.0, errors={"503": 1}, p50_ms=1.0, p90_ms=2.0, p99_ms=3.0)
    figures.memory = Memory(200.0, 100.0, 150.0, 1)
    return figures


def run_of(items: int) -> Run:
    # The machine was three times as busy in the second round.
    systems = {
        "floor": system([4_000, 1_000, 4_000], 0.6),
        "peer": system([400, 100, 420], 0.9),
        "ours": system([1_000, 250, 800], 0.9),
    }
    systems["ours"].half_cpu_ms = 2.0
    return Run(
        "0123456789abcdef", items, True, systems, {"read": 0.5, "taste": 0.2}, {"none": 10.0}, {}, 0, 60
    )


def test_ratios_are_taken_within_a_round() -> None:
    run = run_of(100_000)
    assert run.ratio("floor") == pytest.approx(0.25)
    assert run.ratio("peer") == pytest.approx(2.5)
    ours, floor = run.systems["ours"], run.systems["floor"]
    assert ours.cpu_ms == pytest.approx(1000 * 2.7 / 2_050)
    assert run.cpu_ratio("floor") == pytest.approx(floor.cpu_ms / ours.cpu_ms)
    assert ours.core_share == pytest.approx(0.9)
    assert ours.per_s == 800
    # `taste` is a source: its time is that of the stage it is part of.
    assert run.outside_ms == pytest.approx(1.5)


def test_errors_and_partial_answers_are_counted_over_everything() -> None:
    ours = run_of(100_000).systems["ours"]
    assert ours.errors == {"500": 6, "503": 1}
    assert ours.degraded == 9


def test_the_run_nearest_to_what_targets_speak_of_is_at_the_top() -> None:
    load, cores = Load(), Cores(0, (1,))
    report = plain([run_of(20_000), run_of(100_000), run_of(1_000_000)], load, cores)
    assert report["items"] == 100_000
    assert [run["items"] for run in report["runs"]] == [20_000, 100_000, 1_000_000]
    assert report["p99_ms"] == 3.0
    assert report["private_mb"] == 100.0
    assert report["load"] == asdict(load)
    assert report["machine"]["server_core"] == 0
    assert plain([run_of(20_000)], load, cores)["items"] == 20_000
