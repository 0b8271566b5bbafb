"""Neighbours are what shares sessions, by known counts."""

from pathlib import Path

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.models.covisitation import Covisitation, CovisitationConfig
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

VIEW = EVENT_CODES[EventType.VIEW]
EXACT = CovisitationConfig(shrinkage=0.0, half_life_days=1e9)


def sessions(*baskets: list[int], items: int = 6, days: list[int] | None = None) -> Interactions:
    session = np.repeat(np.arange(len(baskets)), [len(basket) for basket in baskets]).astype(np.int32)
    item = np.concatenate([np.array(basket, np.int32) for basket in baskets])
    day = np.array(days or [0] * len(baskets), np.int64)[session]
    return Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(len(baskets))]),
        items=Vocabulary([f"i{number}" for number in range(items)]),
        columns=(
            session.copy(),
            item,
            np.full(len(item), VIEW, np.int8),
            day * DAY_MS,
            session,
            np.ones(len(item), np.float32),
        ),
    )


def neighbours(model: Covisitation, item: int) -> dict[int, float]:
    _, codes, weights = model.pairs(np.array([item], np.int32))
    return dict(zip(codes.tolist(), weights.tolist(), strict=True))


def test_items_always_met_together_have_weight_one_and_strangers_none() -> None:
    model = Covisitation.fit(sessions([0, 1], [0, 1], [2, 3]), EXACT)
    assert neighbours(model, 0) == pytest.approx({1: 1.0})
    assert neighbours(model, 2) == pytest.approx({3: 1.0})
    assert neighbours(model, 5) == {}


def test_the_weight_is_the_cosine_of_the_session_vectors() -> None:
    model = Covisitation.fit(sessions([0, 1], [0, 2], [0, 1]), EXACT)
    assert neighbours(model, 0) == pytest.approx({1: 2 / np.sqrt(3 * 2), 2: 1 / np.sqrt(3)})


def test_large_sessions_count_less_for_each_pair_they_hold() -> None:
    model = Covisitation.fit(sessions([0, 1], [0, 2, 3, 4, 5]), EXACT)
    assert neighbours(model, 0)[1] > neighbours(model, 0)[2]


def test_old_sessions_count_half_after_a_half_life() -> None:
    config = CovisitationConfig(shrinkage=0.0, half_life_days=10)
    model = Covisitation.fit(sessions([0, 1], [0, 2], days=[0, 10]), config)
    older, newer = neighbours(model, 0)[1], neighbours(model, 0)[2]
    assert older / newer == pytest.approx(0.5 / np.sqrt(0.5))


def test_only_the_best_neighbours_are_kept_best_first() -> None:
    config = CovisitationConfig(neighbours=2, shrinkage=0.0)
    model = Covisitation.fit(sessions([0, 1], [0, 1], [0, 2], [0, 3], [3]), config)
    assert list(neighbours(model, 0)) == [1, 2]


def test_shrinkage_puts_a_pair_met_often_above_a_pair_met_once() -> None:
    log = sessions([0, 1], [2, 3], [2, 3], [2, 3])
    assert neighbours(Covisitation.fit(log, EXACT), 0)[1] == pytest.approx(1.0)
    doubted = Covisitation.fit(log, CovisitationConfig(shrinkage=1.0))
    assert neighbours(doubted, 0)[1] < neighbours(doubted, 2)[3]


def test_a_session_over_the_limit_is_cut_not_dropped() -> None:
    model = Covisitation.fit(sessions([0, 1, 2, 3]), CovisitationConfig(largest_session=2, shrinkage=0.0))
    assert list(neighbours(model, 0)) == [1]
    assert neighbours(model, 3) == {}


def test_pairs_of_several_seeds_name_their_seed(tmp_path: Path) -> None:
    Covisitation.fit(sessions([0, 1], [2, 3]), EXACT).save(tmp_path)
    owner, codes, _ = Covisitation.load(tmp_path).pairs(np.array([2, 5, 0], np.int32))
    assert list(zip(owner.tolist(), codes.tolist(), strict=True)) == [(0, 3), (2, 1)]


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    log = sessions([0, 1, 2], [2, 3, 4], [0, 4, 5])
    whole = Covisitation.fit(log, EXACT)
    monkeypatch.setattr("recsys.models.covisitation._BLOCK", 2)
    parts = Covisitation.fit(log, EXACT)
    for name in ("indptr", "indices", "weights"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
