"""Rates and cycles are those that were planted, and neither returns, campaigns nor eager buyers bend them."""

from pathlib import Path

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.interactions import Interactions
from recsys.models.repeats import Repeats, RepeatsConfig
from recsys.types import EVENT_CODES, EventType, Item
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

BUY, VIEW = EventType.PURCHASE, EventType.VIEW
CANCEL, RETURN = EventType.CANCEL, EventType.RETURN
MILK, RARE_MILK, SOFA, STRANGER = range(4)
ITEMS = [
    Item(item_id="milk", category="食品 > 牛奶"),
    Item(item_id="rare milk", category="食品 > 牛奶"),
    Item(item_id="sofa", category="Home > Sofas"),
    Item(item_id="stranger"),
]
Row = tuple[int, int, EventType, float]


def fit(rows: list[Row], **config: float) -> Repeats:
    """Events are (user, item, type, day)."""
    user, item, kind, day = zip(*rows, strict=True) if rows else ((),) * 4
    log = Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(5_000)]),
        items=Vocabulary([row.item_id for row in ITEMS]),
        columns=(
            np.array(user, np.int32),
            np.array(item, np.int32),
            np.array([EVENT_CODES[name] for name in kind], np.int8),
            (np.array(day, np.float64) * DAY_MS).astype(np.int64),
            np.arange(len(rows), dtype=np.int32),
            np.ones(len(rows), np.float32),
        ),
    )
    return Repeats.fit(log, Catalogue.build(ITEMS), RepeatsConfig(**config))


def weekly(item: int, users: range, every: int = 7, days: int = 365) -> list[Row]:
    """Shoppers who buy an item again and again, each beginning on a day of their own."""
    return [(user, item, BUY, day) for user in users for day in range(user % every, days, every)]


def once(item: int, users: range, days: int = 365) -> list[Row]:
    return [(user, item, BUY, user % days) for user in users]


def test_a_planted_rate_and_cycle_are_found() -> None:
    half = weekly(MILK, range(1_000)) + once(MILK, range(1_000, 2_000), days=200)
    found = fit(half + once(SOFA, range(2_000, 3_000)), shrinkage=1)
    assert found.rate[MILK] == pytest.approx(0.5, abs=0.01)
    assert found.rate[SOFA] < 0.01
    assert found.cycle_days[MILK] == pytest.approx(7, abs=0.1)


def test_a_first_purchase_near_the_end_of_the_log_says_nothing_yet() -> None:
    old, young = weekly(MILK, range(50)), once(MILK, range(50, 500))
    late = [(user, item, kind, 360 + day % 5) for user, item, kind, day in young]
    assert fit(old + late).rate.tolist() == fit([*old, late[0]]).rate.tolist()


def test_an_item_with_few_buyers_takes_the_rate_and_cycle_of_its_category() -> None:
    log = weekly(MILK, range(500)) + once(SOFA, range(500, 1_000)) + [(9, RARE_MILK, BUY, 3)]
    found = fit(log)
    assert found.rate[RARE_MILK] > 0.8 > 0.2 > found.rate[SOFA]
    assert found.cycle_days[RARE_MILK] == pytest.approx(7, abs=0.5)


def test_an_item_without_a_category_takes_the_mean_of_the_shop() -> None:
    found = fit(weekly(MILK, range(500)) + once(SOFA, range(500, 1_000), days=200))
    assert found.rate[STRANGER] == pytest.approx(0.5, abs=0.03)


def test_duplicates_and_two_baskets_of_one_day_are_one_purchase() -> None:
    log = weekly(MILK, range(100)) + once(SOFA, range(100, 200))
    doubled = log + [(user, item, kind, day + 0.3) for user, item, kind, day in log] + log
    once_more, plain = fit(doubled), fit(log)
    assert once_more.rate.tolist() == plain.rate.tolist()
    assert once_more.cycle_days.tolist() == plain.cycle_days.tolist()


def test_what_came_back_was_not_bought() -> None:
    log = weekly(MILK, range(100)) + once(SOFA, range(100, 200), days=100)
    failed = [(user, SOFA, BUY, 102 + user % 50) for user in range(100, 200)]
    undone = [(user, SOFA, CANCEL if user % 2 else RETURN, 160) for user in range(100, 200)]
    found, plain = fit(log + failed + undone), fit(log)
    assert found.rate[SOFA] == plain.rate[SOFA]
    assert found.cycle_days.tolist() == plain.cycle_days.tolist()
    assert fit(log + failed).rate[SOFA] > plain.rate[SOFA] + 0.3


def test_a_campaign_of_twenty_times_the_purchases_moves_no_cycle() -> None:
    ordinary = weekly(MILK, range(70)) + weekly(SOFA, range(100, 110), every=30)
    ordinary += once(MILK, range(1_000, 1_500), days=170)
    rush = round(20 * len(ordinary) / 365)
    # Regulars stock up in the middle of their cycle, and who bought once long ago comes back for the price.
    buyers = [*range(70), *range(1_000, 1_000 + rush - 70)]
    campaign = ordinary + [(user, MILK, BUY, 180) for user in buyers]
    plain, held = fit(ordinary), fit(campaign)
    np.testing.assert_allclose(held.cycle_days, plain.cycle_days, rtol=0.05)
    assert held.rate[MILK] < 1.5 * plain.rate[MILK]
    assert fit(campaign, busy_day=1e9).cycle_days[MILK] > 2 * plain.cycle_days[MILK]


def test_one_eager_buyer_has_one_vote_on_a_cycle() -> None:
    steady = weekly(MILK, range(20), every=14)
    eager = [(4_000, MILK, BUY, day) for day in range(365)]
    assert fit(steady + eager).cycle_days[MILK] == pytest.approx(14, rel=0.02)


def test_views_alone_and_an_empty_log_say_that_nothing_is_known() -> None:
    for rows in ([(0, MILK, VIEW, 1.0), (1, MILK, VIEW, 2.0)], []):
        found = fit(rows)
        assert (found.rate.tolist(), found.cycle_days.tolist()) == ([0] * 4, [0] * 4)


def test_everything_at_one_moment_is_no_repetition() -> None:
    found = fit([(user, MILK, BUY, 5.0) for user in range(10)] * 3)
    assert (found.rate.max(), found.cycle_days.max()) == (0, 0)


def test_what_is_saved_is_loaded_and_holds_no_shopper(tmp_path: Path) -> None:
    fitted = fit(weekly(MILK, range(50)))
    fitted.save(tmp_path)
    loaded = Repeats.load(tmp_path)
    assert loaded.rate.dtype == loaded.cycle_days.dtype == np.float32
    assert loaded.rate.tolist() == fitted.rate.tolist()
    assert loaded.cycle_days.tolist() == fitted.cycle_days.tolist()
    assert {np.load(file).shape for file in tmp_path.iterdir()} == {(4,)}
