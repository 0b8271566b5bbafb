"""Item figures are counts of shoppers, so one shopper's thousand events move none of them."""

from pathlib import Path

import numpy as np
import pytest

from recsys.models.item_stats import ITEM_COLUMNS, ItemStats
from recsys.testing import Row, log_of
from recsys.types import EventType, Item

VIEW, BUY = EventType.VIEW, EventType.PURCHASE
ITEMS = [
    Item(item_id="milk"),
    Item(item_id="tea"),
    Item(item_id="sofa"),
]
MILK, TEA, SOFA = range(3)


def figures(rows: list[Row]) -> dict[str, np.ndarray]:
    """Columns by name, float32[items]."""
    log = log_of(rows, [item.item_id for item in ITEMS])
    table = ItemStats.fit(log).table
    assert table.shape == (3, len(ITEM_COLUMNS))
    assert np.isfinite(table).all()
    return dict(zip(ITEM_COLUMNS, table.T, strict=True))


def views(item: str, shoppers: int, day: float) -> list[Row]:
    return [(f"user{n}", item, VIEW, day) for n in range(shoppers)]


def test_a_trend_is_the_logarithm_of_distinct_shoppers() -> None:
    found = figures([*views("milk", 10, 2), *views("tea", 3, 2), *[("user0", "tea", VIEW, 2)] * 500])
    assert found["item_trend_7d"].tolist() == pytest.approx(np.log1p([10, 3, 0]).tolist())


def test_a_trend_halves_after_its_half_life() -> None:
    found = figures([*views("milk", 8, 30), *views("tea", 8, 23)])
    assert found["item_trend_7d"].tolist() == pytest.approx(np.log1p([8, 4, 0]).tolist())
    assert found["item_trend_30d"][TEA] == pytest.approx(np.log1p(8 * 0.5 ** (7 / 30)))


def test_conversion_is_the_share_of_an_items_shoppers_who_bought_and_few_shoppers_are_doubted() -> None:
    rows = views("milk", 100, 1) + views("tea", 100, 1) + views("sofa", 1, 1)
    rows += [(f"user{n}", "milk", BUY, 2) for n in range(50)]
    found = figures([*rows, ("user0", "sofa", BUY, 2)])["item_conversion"]
    mean = 51 / 201
    assert found[MILK] == pytest.approx((50 + 5 * mean) / 105)
    assert found[TEA] == pytest.approx(5 * mean / 105)
    assert found[SOFA] == pytest.approx((1 + 5 * mean) / 6)


def test_figures_come_back_from_a_folder_as_they_were(tmp_path: Path) -> None:
    log = log_of(views("milk", 4, 1), [item.item_id for item in ITEMS])
    stats = ItemStats.fit(log)
    stats.save(tmp_path)
    np.testing.assert_array_equal(ItemStats.load(tmp_path).table, stats.table)


def test_a_log_without_interest_has_figures_of_nothing() -> None:
    found = figures([("ann", "milk", EventType.IMPRESSION, 1)])
    assert not found["item_trend_30d"].any()
