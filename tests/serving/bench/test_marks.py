"""Figures, marks and trends: what passes, what falls short, what says nothing."""

import io

import numpy as np
import pytest
from rich.console import Console

from serving.bench.marks import Mark, plain_marks, quantile, show_marks
from serving.bench.trend import Trend

HOUR = 3600.0


@pytest.mark.parametrize(
    ("mark", "verdict"),
    [
        (Mark("p99", 50.0, "ms", most=50.0), "PASS"),
        (Mark("p99", 50.1, "ms", most=50.0), "short"),
        (Mark("goodput", 0.8, least=0.8), "PASS"),
        (Mark("goodput", 0.79, least=0.8), "short"),
        (Mark("p99", None, "ms", most=50.0), "short"),
        (Mark("p99", 1.0, "ms", most=50.0, held=False), "short"),
        (Mark("growth", 7.0, "%", most=1.0, held=True), "PASS"),
        (Mark("rate", 7.0, "/s"), ""),
    ],
)
def test_a_mark_is_reached_or_not(mark: Mark, verdict: str) -> None:
    assert mark.verdict == verdict


def test_the_table_and_the_json_say_the_same() -> None:
    marks = [Mark("p99", 12.345, "ms", most=50.0, note="of 7"), Mark("gone", None, least=1.0)]
    said = io.StringIO()
    show_marks(Console(file=said, width=100), "title", marks)
    for text in ("title", "p99", "12.3 ms", "≤ 50", "PASS", "of 7", "gone", "≥ 1", "short"):
        assert text in said.getvalue()
    first, second = plain_marks(marks)
    assert first == {
        "name": "p99", "value": 12.345, "unit": "ms", "mark": "≤ 50", "reached": True, "note": "of 7",
    }  # fmt: skip
    assert (second["value"], second["reached"]) == (None, False)


def test_quantiles_are_values_that_were_seen() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert quantile([1.0, 2.0], 1.0) == 2.0


def test_a_line_is_found_with_its_slope_and_no_error() -> None:
    trend = Trend.of([0.0, HOUR, 2 * HOUR], [100.0, 110.0, 120.0])
    assert trend is not None
    assert trend.per_hour == pytest.approx(10.0)
    assert trend.error == pytest.approx(0.0, abs=1e-9)
    assert trend.growth == pytest.approx(20.0 / 110.0)
    assert not trend.flat


def test_noise_about_a_level_is_flat_and_the_slopes_error_covers_the_truth() -> None:
    generator = np.random.default_rng(0)
    covered = flat = 0
    for _ in range(200):
        found = Trend.of([60.0 * n for n in range(24)], (200 + generator.normal(0, 5, 24)).tolist())
        assert found is not None
        covered += abs(found.per_hour) <= 2 * found.error
        flat += found.flat
    assert 175 <= covered <= 200
    assert flat >= covered


def test_little_growth_is_flat_however_sure_it_is() -> None:
    trend = Trend.of([0.0, HOUR, 2 * HOUR], [100.0, 100.4, 100.8])
    assert trend is not None
    assert trend.flat
    assert Trend.of([0.0, 1.0], [1.0, 2.0]) is None
