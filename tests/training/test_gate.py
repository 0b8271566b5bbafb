"""What refuses a promotion."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.compare import Comparison
from training.config import GateConfig
from training.errors import CannotCompareError, GateRefusedError
from training.evaluate import Scores
from training.gate import judge, judge_first

GATE = GateConfig()


def scores(system: str, part: Any, values: np.ndarray) -> Scores:
    return Scores(system, part, {"ndcg@20": values}, {}, 200, 0)


def comparison(change_all: float, change_new: float, shoppers: int = 200) -> Comparison:
    """The challenger's figure differs from the champion's by a change and a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, shoppers)
    base = np.full(shoppers, 0.5)
    on_all, on_new = base + change_all + noise, base + change_new + noise
    return Comparison(
        "new",
        "old",
        SimpleNamespace(),
        {"all": scores("new", "all", on_all), "new": scores("new", "new", on_new)},
        {"all": scores("old", "all", base), "new": scores("old", "new", base)},
        0.5,
    )


def test_a_better_release_passes() -> None:
    verdict = judge([], lambda: comparison(0.05, 0.05), GATE)
    assert verdict.passed
    verdict.require("new")


def test_a_fall_within_chance_passes() -> None:
    assert judge([], lambda: comparison(-0.0001, -0.0001), GATE).passed


@pytest.mark.parametrize(("all_", "new", "part"), [(-0.05, 0.05, "all"), (0.05, -0.05, "new")])
def test_a_fall_beyond_chance_on_either_part_is_refused_with_its_figure(
    all_: float, new: float, part: str
) -> None:
    verdict = judge([], lambda: comparison(all_, new), GATE)
    with pytest.raises(
        GateRefusedError, match=rf"ndcg@20 on {part} items falls by 0\.0\d+ \[.*champion 'old'.*--force"
    ):
        verdict.require("new")
    assert len(verdict.reasons) == 1


def test_a_failed_data_check_is_refused_even_for_the_first_release() -> None:
    verdict = judge_first(["future_times: 3 of 10"], GATE)
    with pytest.raises(GateRefusedError, match=r"future_times: 3 of 10.*recsys data validate"):
        verdict.require("first")
    assert judge_first([], GATE).passed


def test_data_checks_can_be_switched_off() -> None:
    assert judge_first(["future_times"], GateConfig(data_checks=False)).passed


def test_what_cannot_be_compared_does_not_pass() -> None:
    def impossible() -> Comparison:
        raise CannotCompareError("nothing new in the log")

    verdict = judge(["dup: 1 of 2"], impossible, GATE)
    assert len(verdict.reasons) == 2
    assert "nothing new in the log" in verdict.reasons[1]
