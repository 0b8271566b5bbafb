import numpy as np

from feature_store.simulator.catalogue import build_catalogue
from feature_store.simulator.config import Simulation
from feature_store.simulator.draws import Draws
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import SHELVES


def test_every_shelf_holds_an_established_item_even_in_the_smallest_shop() -> None:
    config = Simulation(users=1, items=60, events=0, cold_items=0.5)
    catalogue = build_catalogue(config, Draws(0))
    assert set(catalogue.shelf[catalogue.established].tolist()) == set(range(len(SHELVES)))


def test_a_pick_stays_on_the_shelf_that_was_asked_for(shop: Shop) -> None:
    catalogue, keys = shop.catalogue, np.arange(20_000, dtype=np.int64)
    shelf = keys % len(SHELVES)
    tier, style = shop.draws.below("t", 3, keys), shop.draws.below("s", 4, keys)
    picked = catalogue.pick(shelf, tier, style, shop.draws.uniform("u", keys), shop.config.days)
    assert (catalogue.shelf[picked] == shelf).all()


def test_a_pick_is_of_the_asked_tier_and_style_where_the_shelf_has_one(shop: Shop) -> None:
    catalogue = shop.catalogue
    cells = {
        (int(a), int(b), int(c))
        for a, b, c in zip(catalogue.shelf, catalogue.tier, catalogue.style, strict=True)
    }
    asked = np.array(sorted(cells), dtype=np.int64)
    u = shop.draws.uniform("u", np.arange(len(asked)))
    picked = catalogue.pick(asked[:, 0], asked[:, 1], asked[:, 2], u, shop.config.days)
    found = np.stack([catalogue.shelf[picked], catalogue.tier[picked], catalogue.style[picked]], axis=1)
    assert (found == asked).all()


def test_items_are_picked_in_proportion_to_their_weight(shop: Shop) -> None:
    catalogue = shop.catalogue
    cells = (catalogue.shelf * 3 + catalogue.tier) * 4 + catalogue.style
    largest = np.bincount(cells).argmax()
    cell = np.flatnonzero(cells == largest)
    assert len(cell) > 3
    keys = np.arange(40_000, dtype=np.int64)
    shelf, tier, style = (np.full(len(keys), part) for part in (largest // 12, largest // 4 % 3, largest % 4))
    picked = catalogue.pick(shelf, tier, style, shop.draws.uniform("u", keys), shop.config.days)
    shares = np.bincount(picked, minlength=len(catalogue))[cell] / len(keys)
    assert np.allclose(shares, catalogue.weight[cell] / catalogue.weight[cell].sum(), atol=0.01)


def test_unborn_items_are_never_picked(shop: Shop) -> None:
    catalogue, keys = shop.catalogue, np.arange(20_000, dtype=np.int64)
    shelf = keys % len(SHELVES)
    tier, style = shop.draws.below("t", 3, keys), shop.draws.below("s", 4, keys)
    picked = catalogue.pick(shelf, tier, style, shop.draws.uniform("u", keys), 0)
    assert (catalogue.born[picked] <= 0).all()


def test_only_items_of_the_campaign_are_cheaper_and_only_on_its_day(shop: Shop) -> None:
    catalogue = shop.catalogue
    items = np.arange(len(catalogue), dtype=np.int64)
    zeros = np.zeros_like(items)
    usual = catalogue.price(items, zeros, shop.config.campaign_day - 1)
    campaign = catalogue.price(items, zeros, shop.config.campaign_day)
    assert np.array_equal(campaign < usual, catalogue.campaign)
    expected = usual[catalogue.campaign] * (1 - shop.config.campaign_discount)
    assert np.allclose(campaign[catalogue.campaign], expected, atol=0.01)
