"""What was planted, as tables: for tests and benches only. Nothing that learns or serves may read them."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.simulator.calendar import days_of, traffic_by_day, wanted_by_season
from feature_store.simulator.catalogue import TIERS
from feature_store.simulator.config import DAY_MS
from feature_store.simulator.ids import id_column
from feature_store.simulator.item_rows import category_path
from feature_store.simulator.plants import ATTACH_RATE
from feature_store.simulator.population import STAGES
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import DEPARTMENTS, SHELVES, STYLES, THEMES

__all__ = ["README", "preferences", "small_tables", "user_truth"]

Codes = npt.NDArray[np.int64]

README: Final = """\
# What was planted

These tables say how the simulated shop was made. They are for tests and benches only: whatever trains, tags,
ranks or serves must not read them, or its figures mean nothing.

| file | one row per | columns |
|---|---|---|
| preferences | shopper and department | `probability` that the shopper looks there, seasons put aside |
| users | shopper | lifecycle `stage`, `first_day`, `last_day` (UTC), `price_tier`, `style`, `cold`, `fake` |
| cold_users | shopper without a single event | |
| fake_buyers | shopper paid to buy the items of `pushed_items` | |
| pushed_items | item that fake buyers push | |
| cold_items | item born in the last week | `seen`: some shopper may have met it before the end; `demand` |
| demand | item | `demand` relative to the others of its shelf, price tier and style |
| bundles | part of a bundle | `role`, and the `attach_rate` of the other parts in carts with the main item |
| themes | item of a theme | names in English and Chinese |
| campaign | the campaign day | `start`, `end` (ms), planted multiples of traffic and cart rate, `discount` |
| traffic | day | `traffic` relative to an average Wednesday half-way, the campaign included |
| seasonality | day and category | `factor` on demand |
"""

_ROLES = ("main", "complement", "consumable")


def preferences(shop: Shop, block: int) -> Iterator[pa.Table]:
    """Probability per shopper and department, at most `block` shoppers at a time."""
    names = pa.array([department.name[0] for department in DEPARTMENTS])
    for users in _blocks(len(shop.population), block):
        taste = shop.population.department_taste(users)
        columns = np.tile(np.arange(len(DEPARTMENTS)), len(users))
        yield pa.table(
            {
                "user_id": id_column("u", np.repeat(users, len(DEPARTMENTS))),
                "category": names.take(pa.array(columns)),
                "probability": pa.array(taste.ravel().astype(np.float32)),
            }
        )


def user_truth(shop: Shop, block: int) -> Iterator[pa.Table]:
    """Lifecycle, price tier, style and flags per shopper, at most `block` at a time."""
    people = shop.population
    dates = pa.array(days_of(shop.config))
    for users in _blocks(len(people), block):
        yield pa.table(
            {
                "user_id": id_column("u", users),
                "stage": pa.array(STAGES).take(pa.array(people.stage[users])),
                "first_day": dates.take(pa.array(people.first_day[users])),
                "last_day": dates.take(pa.array(people.last_day[users])),
                "price_tier": pa.array(TIERS).take(pa.array(people.tier(users))),
                "style": _english(STYLES).take(pa.array(people.style(users))),
                "cold": pa.array(people.activity[users] == 0.0),
                "fake": pa.array(people.fake[users]),
            }
        )


def small_tables(shop: Shop) -> Mapping[str, pa.Table]:
    """Everything that is not per shopper, and the short lists of shoppers, by file name."""
    people, items = shop.population, np.arange(len(shop.catalogue), dtype=np.int64)
    return {
        "cold_users": pa.table({"user_id": id_column("u", np.flatnonzero(people.activity == 0.0))}),
        "fake_buyers": pa.table({"user_id": id_column("u", np.flatnonzero(people.fake))}),
        "pushed_items": pa.table({"item_id": id_column("i", shop.plants.pushed)}),
        "cold_items": _cold_items(shop),
        "demand": pa.table({"item_id": id_column("i", items), "demand": shop.catalogue.weight}),
        "bundles": _bundles(shop),
        "themes": _themes(shop),
        "campaign": _campaign(shop),
        "traffic": pa.table({"day": days_of(shop.config), "traffic": traffic_by_day(shop.config)}),
        "seasonality": _seasonality(shop),
    }


def _cold_items(shop: Shop) -> pa.Table:
    cold = np.flatnonzero(~shop.catalogue.established)
    seen = shop.catalogue.born[cold] < shop.config.days
    return pa.table({"item_id": id_column("i", cold), "seen": seen, "demand": shop.catalogue.weight[cold]})


def _bundles(shop: Shop) -> pa.Table:
    bundles = shop.plants.bundles
    size = bundles.shape[1]
    return pa.table(
        {
            "bundle_id": pa.array(
                [f"bundle-{number:05d}" for number in range(len(bundles)) for _ in range(size)]
            ),
            "item_id": id_column("i", bundles.ravel()),
            "role": pa.array(_ROLES * len(bundles), pa.string()),
            "attach_rate": pa.array([ATTACH_RATE] * bundles.size, pa.float64()),
        }
    )


def _themes(shop: Shop) -> pa.Table:
    sizes = [len(items) for items in shop.plants.themes]
    theme = pa.array(np.repeat(np.arange(len(sizes)), sizes))
    return pa.table(
        {
            "name_en": pa.array([name[0] for name, _ in THEMES]).take(theme),
            "name_zh": pa.array([name[1] for name, _ in THEMES]).take(theme),
            "item_id": id_column("i", np.concatenate(shop.plants.themes)),
        }
    )


def _campaign(shop: Shop) -> pa.Table:
    config = shop.config
    start = config.start_ms + config.campaign_day * DAY_MS
    return pa.table(
        {
            "day": [days_of(config)[config.campaign_day]],
            "start": [start],
            "end": [start + DAY_MS],
            "traffic": [config.campaign_traffic],
            "conversion": [config.campaign_conversion],
            "discount": [config.campaign_discount],
        }
    )


def _seasonality(shop: Shop) -> pa.Table:
    factors = wanted_by_season(shop.config)
    days, shelves = factors.shape
    paths = pa.array([category_path(shelf) for shelf in range(len(SHELVES))])
    return pa.table(
        {
            "day": pa.array(days_of(shop.config)).take(pa.array(np.repeat(np.arange(days), shelves))),
            "category": paths.take(pa.array(np.tile(np.arange(shelves), days))),
            "factor": factors.ravel(),
        }
    )


def _english(pairs: tuple[tuple[str, str], ...]) -> pa.Array:
    return pa.array([pair[0] for pair in pairs])


def _blocks(count: int, block: int) -> Iterator[Codes]:
    for low in range(0, count, block):
        yield np.arange(low, min(low + block, count), dtype=np.int64)
