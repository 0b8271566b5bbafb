"""Differences by slice, and what is left of them after correction."""

from typing import Any

import numpy as np
import pytest

from recsys.metrics import adjusted
from training.config import GateConfig
from training.evaluate import Scores
from training.slices_compare import distinct, slice_changes

GATE = GateConfig(least_shoppers=10)


def scores(values: np.ndarray, users: np.ndarray | None = None) -> Scores:
    return Scores("x", "all", {"ndcg@20": values}, {}, 200, 0, users)


def rows(count: int, **chosen: slice) -> dict[str, Any]:
    made = {}
    for name, places in chosen.items():
        made[name] = np.zeros(count, bool)
        made[name][places] = True
    return made


def test_everybody_nobody_and_the_same_shoppers_again_are_no_slices() -> None:
    found = rows(
        4, whole=slice(0, 4), first=slice(0, 2), again=slice(0, 2), other=slice(2, 4), none=slice(0, 0)
    )
    assert [names for names, _ in distinct(found)] == [("first", "again"), ("other",), ("none",)]
    changes = slice_changes(scores(np.ones(4)), scores(np.ones(4)), found, "ndcg@20", GATE)
    assert {change.name for change in changes} == {"first = again", "other"}


def test_differences_are_those_of_the_rows_and_the_worst_comes_first() -> None:
    base = np.linspace(0.1, 0.5, 60)
    changed = base.copy()
    changed[:20] += 0.1
    changed[20:40] -= 0.05
    found = slice_changes(
        scores(changed),
        scores(base),
        rows(60, up=slice(0, 20), same=slice(40, 60), down=slice(20, 40)),
        "ndcg@20",
        GATE,
    )
    assert [change.name for change in found] == ["down", "same", "up"]
    assert [change.difference.mean for change in found] == pytest.approx([-0.05, 0.0, 0.1])
    assert [change.falls(0.05) for change in found] == [True, False, False]
    assert found[0].relative == pytest.approx(-0.05 / base[20:40].mean())
    assert found[1].p == 1.0


def test_p_values_are_corrected_over_the_weighed_slices_only() -> None:
    dice = np.random.default_rng(1)
    base = dice.uniform(0, 1, 90)
    noisy = base + dice.normal(-0.02, 0.1, 90)
    chosen = rows(90, a=slice(0, 40), b=slice(40, 80), small=slice(80, 85), open=slice(85, 90))
    found = {
        change.name: change for change in slice_changes(scores(noisy), scores(base), chosen, "ndcg@20", GATE)
    }
    assert not found["small"].weighed
    assert found["small"].plain()["p"] is None
    raw = np.array([found[name].difference.p_value for name in ("a", "b")])
    assert [found["a"].p, found["b"].p] == pytest.approx(adjusted(raw))


def test_many_slices_do_not_hide_a_plain_fall() -> None:
    """With the usual 200 resamples Holm's correction over 60 slices could call nothing real."""
    base = np.full(6_000, 0.5)
    changed = base + np.random.default_rng(0).normal(0, 0.05, 6_000)
    changed[:100] -= 0.2
    chosen = rows(6_000, **{f"s{n}": slice(100 * n, 100 * n + 100) for n in range(60)})
    found = slice_changes(scores(changed), scores(base), chosen, "ndcg@20", GATE)
    assert [change.name for change in found if change.falls(0.05)] == ["s0"]


def test_a_shopper_who_asks_often_weighs_no_more() -> None:
    users = np.array([0] * 50 + [1] * 50 + list(range(2, 52)))
    base = np.zeros(150)
    changed = np.concatenate((np.full(100, -1.0), np.full(50, 0.1)))
    (change,) = slice_changes(
        scores(changed, users),
        scores(base, users),
        rows(150, most=slice(0, 149)),
        "ndcg@20",
        GATE,
    )
    assert change.difference.count == 51
    assert change.difference.mean == pytest.approx((-2.0 + 49 * 0.1) / 51)
