"""What refuses a promotion, on comparisons whose figures are known by construction."""

from typing import Any

import numpy as np
import pytest

from recsys.errors import ReleaseIncompatible
from training.compare import Comparison
from training.config import GateConfig
from training.cost import Cost
from training.errors import CannotCompareError, GateRefusedError
from training.gate import judge, judge_first

GATE = GateConfig()


def verdict(comparison: Comparison, gate: GateConfig = GATE) -> Any:
    return judge([], lambda: comparison, gate)


def test_a_better_release_passes(crafted: Any) -> None:
    found = verdict(crafted.comparison(old=0.2, new=0.2))
    assert found.passed
    found.require("challenger")


def test_a_change_within_chance_passes(crafted: Any) -> None:
    assert verdict(crafted.comparison(old=-0.001, new=0.001)).passed


def test_a_planted_regression_of_new_shoppers_is_refused_though_the_whole_is_better(crafted: Any) -> None:
    comparison = crafted.comparison(old=0.2, new=-0.2)
    assert comparison.difference("ndcg@20", "all").low > 0
    assert comparison.difference("ndcg@20", "new").low > 0
    with pytest.raises(GateRefusedError) as refusal:
        verdict(comparison).require("challenger")
    message = str(refusal.value)
    change = crafted.base[crafted.is_new].mean() * 0.2
    assert f"ndcg@20 of slice '1-4 events = new shoppers' (200 shoppers) falls by {change:.4f} [" in message
    assert ", 20% of" in message
    assert "champion 'champion'" in message
    assert "recsys promote challenger --force" in message


def test_a_slice_of_the_same_shoppers_is_named_once(crafted: Any) -> None:
    """The new shoppers of this log are those with one event, and all of them lack attributes."""
    assert len(verdict(crafted.comparison(old=0.2, new=-0.2)).reasons) == 1


def test_a_slice_that_is_not_protected_may_fall(crafted: Any) -> None:
    comparison = crafted.comparison(old=0.2, new=-0.2)
    assert verdict(comparison, GateConfig(protected=("active *", "category *"))).passed
    assert verdict(comparison, GateConfig(protected=())).passed
    assert not verdict(comparison, GateConfig(protected=("new *",))).passed


def test_a_slice_of_too_few_shoppers_decides_nothing(crafted: Any) -> None:
    assert verdict(crafted.comparison(old=0.2, new=-0.2), GateConfig(least_shoppers=201)).passed


def few(crafted: Any, **parts: int) -> Comparison:
    """A challenger that is better everywhere, asked only so many shoppers of a part."""
    comparison: Comparison = crafted.comparison(old=0.2, new=0.2, only_new_items=-0.2)
    for side in (comparison.challenger, comparison.champion):
        for part, count in parts.items():
            values = side.scores[part].per_query
            for name, found in values.items():
                values[name] = np.where(np.arange(len(found)) < count, found, np.nan)
    return comparison


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_few_shoppers_on_all_items_are_no_comparison(crafted: Any, count: int) -> None:
    found = verdict(few(crafted, all=count, new=0))
    (reason,) = found.reasons
    assert f"it cannot be compared with champion 'champion': {count} shoppers answer" in reason
    assert "gate.least_shoppers = 30" in reason
    with pytest.raises(GateRefusedError, match=r"cannot be compared.*--force"):
        found.require("challenger")
    assert verdict(few(crafted, all=30, new=0)).passed
    assert (count < 2) == bool(verdict(few(crafted, all=count, new=0), GateConfig(least_shoppers=2)).reasons)


def test_too_few_shoppers_on_new_items_decide_nothing_and_the_verdict_says_so(crafted: Any) -> None:
    """The figure on new items falls, for 29 shoppers."""
    found = verdict(few(crafted, new=29))
    assert found.passed
    (note,) = found.notes
    assert note == "ndcg@20 on new items is not weighed: 29 shoppers, fewer than gate.least_shoppers = 30"
    weighed = verdict(few(crafted, new=30))
    assert weighed.notes == ()
    assert "ndcg@20 on new items falls" in weighed.reasons[0]


def test_a_refusal_says_what_was_not_weighed(crafted: Any) -> None:
    comparison = few(crafted, new=3)
    found = verdict(comparison, GateConfig(coverage_floor=1, size_ratio=0.5))
    with pytest.raises(
        GateRefusedError, match=r"size_ratio.*on new items is not weighed: 3 shoppers.*--force"
    ):
        found.require("challenger")


def test_a_first_release_needs_nobody_to_be_compared_on() -> None:
    assert judge_first([], GateConfig(least_shoppers=10**6)).passed


@pytest.mark.parametrize("part", ["all", "new"])
def test_a_fall_beyond_chance_on_either_part_is_refused_with_its_figure(crafted: Any, part: str) -> None:
    falls = {"all": (-0.1, 0.1), "new": (0.1, -0.1)}[part]
    comparison = crafted.comparison(old=falls[0], new=falls[0], only_new_items=falls[1])
    reasons = verdict(comparison, GateConfig(protected=())).reasons
    assert len(reasons) == 1
    assert f"ndcg@20 on {part} items falls by 0.0" in reasons[0]


def test_collapsed_coverage_is_refused_and_a_smaller_loss_is_not(crafted: Any) -> None:
    (reason,) = verdict(crafted.comparison(old=0.2, new=0.2, coverage=(0.19, 0.4))).reasons
    assert "coverage@20 collapses from 0.4000 to 0.1900" in reason
    assert verdict(crafted.comparison(coverage=(0.21, 0.4))).passed
    assert verdict(crafted.comparison(coverage=(0.0, 0.4)), GateConfig(coverage_floor=0)).passed


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (
            Cost(1 << 20, 2.1),
            "2.10 ms of CPU time instead of 1.00, 2.1 times as much (gate.latency_ratio = 2)",
        ),
        (Cost(3 << 20, 1.0), "3.0 MiB instead of 1.0, 3.0 times as much (gate.size_ratio = 2)"),
    ],
)
def test_what_costs_more_than_its_bound_is_refused(crafted: Any, cost: Cost, words: str) -> None:
    usual = Cost(1 << 20, 1.0)
    (reason,) = verdict(crafted.comparison(old=0.2, new=0.2, costs=(cost, usual))).reasons
    assert words in reason
    assert verdict(crafted.comparison(costs=(usual, cost))).passed
    assert verdict(crafted.comparison(costs=(cost, usual)), GateConfig(latency_ratio=4, size_ratio=4)).passed


def test_every_objection_is_told(crafted: Any) -> None:
    dear = (Cost(9 << 20, 9.0), Cost(1 << 20, 1.0))
    comparison = crafted.comparison(old=-0.2, new=-0.2, coverage=(0.0, 0.4), costs=dear)
    found = judge(["duplicates: 1 of 2"], lambda: comparison, GATE).reasons
    told = "; ".join(found)
    for words in ("data checks FAIL", "on all items", "on new items", "slice", "coverage", "CPU", "MiB"):
        assert words in told


def test_a_failed_data_check_is_refused_even_for_the_first_release() -> None:
    found = judge_first(["future_times: 3 of 10"], GATE)
    with pytest.raises(GateRefusedError, match=r"future_times: 3 of 10.*recsys data validate"):
        found.require("first")
    assert judge_first([], GATE).passed


def test_data_checks_can_be_switched_off() -> None:
    assert judge_first(["future_times"], GateConfig(data_checks=False)).passed


@pytest.mark.parametrize("error", [CannotCompareError("nothing new"), ReleaseIncompatible("nothing new")])
def test_what_cannot_be_compared_does_not_pass(error: Exception) -> None:
    def impossible() -> Comparison:
        raise error

    found = judge(["dup: 1 of 2"], impossible, GATE)
    assert len(found.reasons) == 2
    assert "nothing new" in found.reasons[1]


def test_releases_that_are_no_worse_are_refused_as_rarely_as_promised(crafted: Any) -> None:
    """Over slices alone, with noise and no real change: at most one in ten here, one in twenty in the long run."""
    dice, refused = np.random.default_rng(3), 0
    gate = GateConfig(metric="ndcg@20")
    for _ in range(40):
        comparison = crafted.comparison()
        ours = comparison.challenger.scores["all"].per_query
        ours["ndcg@20"] = crafted.base + dice.normal(0, 0.02, len(crafted.base))
        refused += any(change.falls(gate.significance) for change in comparison.slice_changes("all", gate))
    assert refused <= 4
