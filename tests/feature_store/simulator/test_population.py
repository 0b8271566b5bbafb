import numpy as np

from feature_store.simulator.population import MEMBER_LEVELS, STAGES
from feature_store.simulator.shop import Shop


def test_taste_is_a_distribution_per_shopper(shop: Shop) -> None:
    taste = shop.population.taste(np.arange(100, dtype=np.int64))
    assert (taste > 0).all()
    assert np.allclose(taste.sum(axis=1), 1.0)
    departments = shop.population.department_taste(np.arange(100, dtype=np.int64))
    assert departments.shape == (100, 12)
    assert np.allclose(departments.sum(axis=1), 1.0)


def test_taste_does_not_depend_on_who_is_asked_with_whom(shop: Shop) -> None:
    users = np.arange(50, dtype=np.int64)
    assert np.array_equal(shop.population.taste(users)[10:20], shop.population.taste(users[10:20]))


def test_shoppers_with_equal_attributes_like_more_alike_things(shop: Shop) -> None:
    people = shop.population
    users = np.arange(len(people), dtype=np.int64)
    taste = np.log(people.department_taste(users))
    groups = people.age_band * 100 + people.gender * 10 + people.city_tier
    residual = taste.copy()
    for group in np.unique(groups):
        residual[groups == group] -= taste[groups == group].mean(axis=0)
    assert residual.var() < 0.6 * (taste - taste.mean(axis=0)).var()


def test_higher_members_prefer_dearer_things(shop: Shop) -> None:
    people = shop.population
    tier = people.tier(np.arange(len(people), dtype=np.int64))
    top, base = (people.member_level == level for level in (len(MEMBER_LEVELS) - 1, 0))
    assert tier[top].mean() > tier[base].mean() + 0.4


def test_lifetimes_fit_their_stage(shop: Shop) -> None:
    people, days = shop.population, shop.config.days
    of = {name: people.stage == index for index, name in enumerate(STAGES)}
    assert (people.first_day <= people.last_day).all()
    assert people.first_day[of["new"]].min() >= days * 5 // 6
    assert people.last_day[of["lapsed"]].max() < days / 2
    assert people.last_day[of["at_risk"]].max() < days - 14
    assert (people.last_day[of["loyal"]] == days - 1).all()


def test_exactly_the_asked_shares_are_cold_and_fake(shop: Shop) -> None:
    people, config = shop.population, shop.config
    cold = people.activity == 0
    assert cold.sum() == round(config.cold_users * config.users)
    assert people.fake.sum() == round(config.fake_buyers * config.users)
    assert not (cold & people.fake).any()
