import numpy as np
import pytest

from feature_store.simulator.browsing import MAX_ROWS, Rows, browse
from feature_store.simulator.sessions import Sessions, sessions_on
from feature_store.simulator.shop import Shop


@pytest.fixture(scope="module")
def sessions(shop: Shop) -> Sessions:
    return next(iter(sessions_on(shop, 40, 900_000, 8_000)))


@pytest.fixture(scope="module")
def rows(shop: Shop, sessions: Sessions) -> Rows:
    return browse(shop, sessions)


def test_every_session_has_rows_numbered_from_zero(rows: Rows, sessions: Sessions) -> None:
    counts = np.bincount(rows.session, minlength=len(sessions))
    assert counts.min() == 1
    assert counts.max() < MAX_ROWS
    first = np.cumsum(counts) - counts
    assert np.array_equal(rows.place, np.arange(len(rows.place)) - first[rows.session])


def test_row_keys_are_unique(rows: Rows, sessions: Sessions) -> None:
    assert len(np.unique(rows.keys(sessions))) == len(rows.item)


def test_only_what_was_carted_is_kept(rows: Rows) -> None:
    assert not (rows.kept & ~rows.carted).any()
    assert 0.85 < rows.kept.sum() / rows.carted.sum() < 0.95


def test_theme_sessions_look_at_items_of_their_theme(shop: Shop, rows: Rows, sessions: Sessions) -> None:
    parts = np.unique(shop.plants.bundles[:, 1:])
    for theme, members in enumerate(shop.plants.themes):
        looked = rows.item[sessions.theme[rows.session] == theme]
        assert np.isin(looked, np.concatenate([members, parts])).all()


def test_a_fake_session_buys_one_pushed_item(shop: Shop, rows: Rows, sessions: Sessions) -> None:
    fake = sessions.fake[rows.session]
    assert fake.any()
    assert (rows.place[fake] == 0).all()
    assert rows.kept[fake].all()
    assert np.isin(rows.item[fake], shop.plants.pushed).all()


def test_a_shopper_keeps_to_one_variant_of_an_item(rows: Rows, sessions: Sessions, shop: Shop) -> None:
    assert (rows.variant < shop.catalogue.variants[rows.item]).all()
    pair = sessions.user[rows.session] * len(shop.catalogue) + rows.item
    assert len(np.unique(pair)) == len(np.unique(pair * 10 + rows.variant))


def test_parts_of_a_bundle_follow_their_main_item(shop: Shop, rows: Rows) -> None:
    bundle = shop.plants.bundle_of[rows.item[:-2]]
    mains = np.flatnonzero((bundle >= 0) & rows.carted[:-2])
    parts = shop.plants.bundles[bundle[mains]]
    attached = (rows.item[mains + 1] == parts[:, 1]) & (rows.item[mains + 2] == parts[:, 2])
    assert 0.35 < attached.mean() < 0.65
    assert rows.carted[mains[attached] + 1].all()
