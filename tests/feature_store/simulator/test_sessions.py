import numpy as np

from feature_store.simulator.sessions import Sessions, sessions_on
from feature_store.simulator.shop import Shop

TOTAL = 40_000


def joined(shop: Shop, day: int, block: int) -> dict[str, np.ndarray]:
    parts = list(sessions_on(shop, day, TOTAL, block))
    names = [name for name in Sessions.__slots__ if name != "day"]
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}


def test_blocks_of_any_size_hold_the_same_sessions(shop: Shop) -> None:
    whole, split = joined(shop, 5, 10_000), joined(shop, 5, 13)
    assert all(np.array_equal(whole[name], split[name]) for name in whole)


def test_numbers_go_on_from_day_to_day_without_a_gap(shop: Shop) -> None:
    first, second = joined(shop, 0, 999), joined(shop, 1, 999)
    assert first["number"][0] == 0
    assert second["number"][0] == first["number"][-1] + 1


def test_numbers_ascend_with_time(shop: Shop) -> None:
    starts = joined(shop, 3, 100)["start"]
    assert (np.diff(starts) >= 0).all()
    assert len(np.unique(starts)) > 0.9 * len(starts)


def test_only_shoppers_who_are_active_that_day_come(shop: Shop) -> None:
    for day in (0, 45, 89):
        users = joined(shop, day, 5_000)["user"]
        assert (shop.population.weights_on(day)[users] > 0).all()


def test_loyal_shoppers_come_more_often(shop: Shop) -> None:
    weight = shop.population.weights_on(10)
    users = np.concatenate([part.user for part in sessions_on(shop, 10, 20 * TOTAL, 5_000)])
    expected = weight / weight.sum() * len(users)
    seen = np.bincount(users, minlength=len(weight))
    assert np.corrcoef(expected, seen)[0, 1] > 0.9


def test_a_fake_session_is_named_and_has_no_theme(shop: Shop) -> None:
    found = joined(shop, 30, 5_000)
    fake = found["fake"]
    assert fake.any()
    assert shop.population.fake[found["user"][fake]].all()
    assert not found["anonymous"][fake].any()
    assert (found["theme"][fake] == -1).all()
    assert set(np.unique(found["theme"])) == set(range(-1, 6))
