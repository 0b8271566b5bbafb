import numpy as np

from feature_store.simulator.item_rows import category_path
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import THEMES


def department(shop: Shop, item: int) -> str:
    return category_path(int(shop.catalogue.shelf[item])).split(" > ")[0]


def test_bundles_join_three_shelves_of_one_department(shop: Shop) -> None:
    assert len(shop.plants.bundles) >= 4
    for parts in shop.plants.bundles:
        assert len({int(shop.catalogue.shelf[item]) for item in parts}) == 3
        assert len({department(shop, int(item)) for item in parts}) == 1


def test_a_main_item_knows_its_bundle(shop: Shop) -> None:
    mains = shop.plants.bundles[:, 0]
    assert np.array_equal(shop.plants.bundle_of[mains], np.arange(len(mains)))
    assert (shop.plants.bundle_of >= 0).sum() == len(mains)


def test_a_theme_joins_several_departments(shop: Shop) -> None:
    assert len(shop.plants.themes) == len(THEMES)
    for (name, _), items in zip(THEMES, shop.plants.themes, strict=True):
        assert len(items) == len(set(items.tolist())) >= 4, name
        assert len({department(shop, int(item)) for item in items}) >= 2, name


def test_everything_planted_exists_from_the_first_day(shop: Shop) -> None:
    planted = np.concatenate([shop.plants.bundles.ravel(), *shop.plants.themes, shop.plants.pushed])
    assert shop.catalogue.established[planted].all()


def test_pushed_items_are_wanted_by_nobody_else(shop: Shop) -> None:
    weights = shop.catalogue.weight
    assert (weights[shop.plants.pushed] < np.quantile(weights, 0.1)).all()
