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
EXACT = CovisitationConfig(shrinkage=0.0, half_life_days=1e9, lone=1.0)


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
    config = CovisitationConfig(shrinkage=0.0, half_life_days=10, lone=1.0)
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


def visits(*rows: tuple[int, int, int, int], items: int = 6) -> Interactions:
    """Rows (user, session, item, time in ms)."""
    user, session, item, time = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(int(user.max()) + 1)]),
        items=Vocabulary([f"i{number}" for number in range(items)]),
        columns=(
            user.astype(np.int32),
            item.astype(np.int32),
            np.full(len(item), VIEW, np.int8),
            time.astype(np.int64),
            session.astype(np.int32),
            np.ones(len(item), np.float32),
        ),
    )


def test_what_came_later_counts_in_full_and_what_came_before_a_part() -> None:
    log = visits((0, 0, 0, 10), (0, 0, 1, 20), (0, 0, 2, 30))
    config = EXACT.model_copy(update={"distance": 0.8, "backward": 0.5})
    model = Covisitation.fit(log, config)
    assert neighbours(model, 0) == pytest.approx({1: 1.0, 2: 0.8})
    assert neighbours(model, 2) == pytest.approx({1: 0.5, 0: 0.5 * 0.8})


def test_a_basket_has_one_moment_and_so_no_direction() -> None:
    model = Covisitation.fit(visits((0, 0, 0, 10), (0, 0, 1, 10), (0, 0, 2, 10)), EXACT)
    for item, others in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
        assert neighbours(model, item) == pytest.approx(dict.fromkeys(others, 1.0))


def test_the_same_meeting_by_one_shopper_again_counts_less_each_time() -> None:
    again = [(0, session, item, 0) for session in range(4) for item in (0, 1)]
    log = visits(*again, (1, 4, 0, 0), (1, 4, 2, 0))
    weights = neighbours(Covisitation.fit(log, EXACT), 0)
    assert weights[1] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / np.sqrt(5 * 4))
    assert weights[2] == pytest.approx(1 / np.sqrt(5 * 1))


def test_a_pair_that_one_shopper_alone_made_counts_a_part() -> None:
    log = visits(*[(user, user, item, 0) for user in (0, 1) for item in (0, 1)], (2, 2, 2, 0), (2, 2, 3, 0))
    model = Covisitation.fit(log, EXACT.model_copy(update={"lone": 0.5}))
    assert neighbours(model, 0) == pytest.approx({1: 1.0})
    assert neighbours(model, 2) == pytest.approx({3: 0.5})


def planted_shop(fakes: int, pushes: int) -> Interactions:
    """1,000 shoppers in groups of 40 items, 3 sessions of 4 each; a fake pairs item 400 with any, `pushes` times."""
    draws = np.random.default_rng(5)
    rows = [
        (user, 3 * user + visit, int(item) + 40 * (user % 10), 60_000 * place)
        for user in range(1_000)
        for visit in range(3)
        for place, item in enumerate(draws.choice(40, 4, replace=False))
    ]
    for fake in range(fakes):
        for visit in range(pushes):
            session, other = 3_000 + pushes * fake + visit, int(draws.integers(400))
            rows += [(1_000 + fake, session, other, 0), (1_000 + fake, session, 400, 60_000)]
    return visits(*rows, items=401)


@pytest.mark.parametrize("pushes", [200, 1_000])
def test_half_a_percent_of_busy_fake_buyers_do_not_enter_the_neighbours_of_real_items(pushes: int) -> None:
    model = Covisitation.fit(planted_shop(fakes=5, pushes=pushes), CovisitationConfig())
    lifted = [item for item in range(400) if 400 in list(neighbours(model, item))[:20]]
    assert not lifted


def campaign(copies: int) -> Interactions:
    """30 days on which 10 shoppers buy 0 with 1; on day 20 `copies` × 10 others buy 0 with 2."""
    rows = [
        (10 * day + n, 10 * day + n, item, day * DAY_MS)
        for day in range(30)
        for n in range(10)
        for item in (0, 1)
    ]
    rows += [(300 + n, 300 + n, item, 20 * DAY_MS) for n in range(10 * copies) for item in (0, 2)]
    return visits(*rows)


def test_a_campaign_day_of_twenty_times_the_purchases_does_not_decide_the_days_after() -> None:
    model = Covisitation.fit(campaign(copies=20), CovisitationConfig())
    weights = neighbours(model, 0)
    assert weights[1] > 2 * weights[2]
    assert neighbours(Covisitation.fit(campaign(copies=1), CovisitationConfig()), 0)[2] > 0


def test_an_empty_log_gives_empty_lists() -> None:
    log = sessions([0, 1])
    model = Covisitation.fit(log.where(np.zeros(len(log), bool)), EXACT)
    assert [neighbours(model, item) for item in range(6)] == [{}] * 6


def log_of_visits(generator: np.random.Generator, items: int, shoppers: int) -> Interactions:
    """Visits of five items each, in an order."""
    size = shoppers * 5
    user = np.repeat(np.arange(shoppers), 5).astype(np.int32)
    return Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(shoppers)]),
        items=Vocabulary([f"i{number}" for number in range(items)]),
        columns=(
            user,
            generator.integers(items, size=size).astype(np.int32),
            np.full(size, VIEW, np.int8),
            np.arange(size, dtype=np.int64) % 5 * 1000,
            user.copy(),
            np.ones(size, np.float32),
        ),
    )


def test_a_meeting_that_is_worth_nothing_leaves_no_trace_in_other_lists() -> None:
    log = log_of_visits(np.random.default_rng(0), items=300, shoppers=600)
    none, hardly = (
        Covisitation.fit(log, CovisitationConfig(half_life_days=1e9, backward=worth))
        for worth in (0.0, 1e-25)
    )
    for item in range(300):
        expected = {code: weight for code, weight in neighbours(hardly, item).items() if weight > 1e-20}
        found = neighbours(none, item)
        assert set(expected) <= set(found) or len(found) == 100
        assert found == pytest.approx({code: expected[code] for code in found})


def test_a_meeting_of_long_ago_costs_no_neighbour_of_today() -> None:
    config = CovisitationConfig(shrinkage=0.0, half_life_days=7, lone=1.0)
    model = Covisitation.fit(sessions([0, 1], [1, 2], days=[0, 1200]), config)
    assert neighbours(model, 2).keys() == {1}
    assert neighbours(model, 0) == {}
