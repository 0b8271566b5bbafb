from collections import Counter

from feature_store.simulator.item_rows import item_rows
from feature_store.simulator.population import AGE_BANDS, CITY_TIERS, GENDERS
from feature_store.simulator.shop import Shop
from feature_store.simulator.user_rows import user_rows
from recsys.types import Item


def items(shop: Shop) -> list[Item]:
    return [item for block in item_rows(shop, 100) for item in block]


def test_every_item_has_a_title_in_english_and_one_in_chinese(shop: Shop) -> None:
    for item in items(shop):
        assert item.titles["en"].isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in item.titles["zh"])


def test_categories_are_paths_of_three_levels(shop: Shop) -> None:
    assert {item.category.count(" > ") for item in items(shop) if item.category} == {2}


def test_brands_are_english_or_chinese_and_some_are_more_frequent(shop: Shop) -> None:
    brands = Counter(item.brand for item in items(shop))
    assert {str(brand).isascii() for brand in brands} == {True, False}
    assert max(brands.values()) >= 4 * min(brands.values())


def test_an_offer_costs_less_than_its_price_and_its_price_no_more_than_the_list_price(shop: Shop) -> None:
    offers = [offer for item in items(shop) for offer in item.offers]
    assert all(o.cost and o.price and o.list_price and o.cost < o.price <= o.list_price for o in offers)


def test_stock_is_tracked_for_most_and_some_are_sold_out_or_withdrawn(shop: Shop) -> None:
    offers = [offer for item in items(shop) for offer in item.offers]
    untracked, sold_out = (sum(o.stock == value for o in offers) / len(offers) for value in (None, 0.0))
    assert 0.02 < untracked < 0.08
    assert 0.01 < sold_out < 0.06
    assert 0.005 < sum(not o.available for o in offers) / len(offers) < 0.05


def test_the_campaign_is_an_interval_of_one_day(shop: Shop) -> None:
    promos = [offer.promo for item in items(shop) for offer in item.offers if offer.promo]
    assert promos
    assert {(p.end or 0) - (p.start or 0) for p in promos} == {86_400_000}


def test_shoppers_carry_the_attributes_that_matter(shop: Shop) -> None:
    users = [user for block in user_rows(shop, 200) for user in block]
    assert len(users) == shop.config.users
    for name, values in (("age_band", AGE_BANDS), ("gender", GENDERS), ("city_tier", CITY_TIERS)):
        assert {user.attributes[name] for user in users} == set(values)


def test_some_shoppers_refuse_each_purpose(shop: Shop) -> None:
    users = [user for block in user_rows(shop, 200) for user in block]
    for purpose in ("personalize", "market", "train"):
        refused = sum(not getattr(user.consent, purpose) for user in users) / len(users)
        assert 0.005 < refused < 0.2
