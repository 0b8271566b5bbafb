"""The simulated assortment as arrays: shelf, style, price tier, price, birth, and how shoppers find an item.

Invariants: every shelf holds an item that exists from the first day; none is picked before its birth; a price
is a pure function of (item, variant, day), so offers and events cannot disagree.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.config import Simulation
from feature_store.simulator.draws import Draws
from feature_store.simulator.words import COLOURS, MATERIALS, SHELVES, STYLES

__all__ = ["TIERS", "Catalogue", "build_catalogue"]

TIERS = ("low", "middle", "high")
Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_NEW_DAYS = 7


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Columns aligned with item codes 0…n-1."""

    shelf: Codes
    thing: Codes
    tier: Codes
    style: Codes
    colour: Codes
    material: Codes
    base_price: Floats
    weight: Floats
    """Relative demand inside a cell; what a good popularity estimate should find."""
    born: Codes
    """Day of birth; negative = before the first day, `days` = never seen by a shopper."""
    variants: Codes
    campaign: npt.NDArray[np.bool_]
    cells: "Cells"
    campaign_day: int
    discount: float

    def __len__(self) -> int:
        return len(self.shelf)

    @property
    def established(self) -> npt.NDArray[np.bool_]:
        """Items that exist from the first day."""
        return self.born < 0

    def regular_price(self, items: Codes, variants: Codes) -> Floats:
        """The offer's `price`, CNY: larger variants cost 8 % more each."""
        price = self.base_price[items] * (1.0 + 0.08 * variants)
        return np.asarray(np.round(price, 2), dtype=np.float64)

    def promo_price(self, items: Codes, variants: Codes) -> Floats:
        """The price in the campaign, whether or not the item takes part."""
        price = self.regular_price(items, variants) * (1.0 - self.discount)
        return np.asarray(np.round(price, 2), dtype=np.float64)

    def price(self, items: Codes, variants: Codes, day: int) -> Floats:
        """What an offer costs on a day."""
        regular = self.regular_price(items, variants)
        if day != self.campaign_day:
            return regular
        return np.where(self.campaign[items], self.promo_price(items, variants), regular)

    def pick(self, shelf: Codes, tier: Codes, style: Codes, u: Floats, day: int) -> Codes:
        """One item per request from its (shelf, tier, style) cell, by demand; only items already born."""
        found = self.cells.pick((shelf * len(TIERS) + tier) * len(STYLES) + style, u)
        return np.where(self.born[found] > day, self.cells.stand_in[found], found)


@dataclass(frozen=True, slots=True)
class Cells:
    """Items grouped by (shelf, tier, style), for weighted draws by one binary search."""

    order: Codes
    cumulative: Floats
    begin: Codes
    end: Codes
    source: Codes
    """Which cell serves a cell: itself, or the nearest filled one of the same shelf."""
    stand_in: Codes
    """An established item near each item."""

    def pick(self, cell: Codes, u: Floats) -> Codes:
        """One item per cell and uniform number."""
        served = self.source[cell]
        first, last = self.begin[served], self.end[served] - 1
        low = np.where(first > 0, self.cumulative[first - 1], 0.0)
        at = low + u * (self.cumulative[last] - low)
        position = np.searchsorted(self.cumulative, at, side="right")
        return self.order[np.clip(position, first, last)]


def build_catalogue(config: Simulation, draws: Draws) -> Catalogue:
    """Draws every item's columns; O(items) memory, about 150 bytes each."""
    code = np.arange(config.items, dtype=np.int64)
    # The first items fill each shelf once, so that no shelf, theme or bundle can be empty.
    shelf = np.where(code < len(SHELVES), code, draws.below("item.shelf", len(SHELVES), code))
    things = np.array([len(s.things) for s in SHELVES], dtype=np.int64)
    usual = np.array([s.price for s in SHELVES])
    level = draws.normal("item.price", code)
    tier = np.digitize(level, [0.0, 1.0]).astype(np.int64)
    style = draws.below("item.style", len(STYLES), code)
    born = _births(config, draws, code)
    weight = np.exp(1.2 * draws.normal("item.weight", code))
    cell = (shelf * len(TIERS) + tier) * len(STYLES) + style
    return Catalogue(
        shelf=shelf,
        thing=draws.below("item.thing", things[shelf], code),
        tier=tier,
        style=style,
        colour=draws.below("item.colour", len(COLOURS), code),
        material=draws.below("item.material", len(MATERIALS), code),
        base_price=np.round(usual[shelf] * np.exp(0.5 * level), 1),
        weight=weight,
        born=born,
        variants=1 + draws.choice("item.variants", (0.7, 0.2, 0.1), code),
        campaign=draws.chance("item.campaign", 0.3, code) & (born < 0),
        cells=_cells(cell, weight, born < 0),
        campaign_day=config.campaign_day,
        discount=config.campaign_discount,
    )


def _births(config: Simulation, draws: Draws, code: Codes) -> Codes:
    """Day of birth per item; exactly the asked share is cold, never one of the first of each shelf."""
    born = -1 - draws.below("item.age", 700, code)
    count = min(round(config.cold_items * config.items), config.items - len(SHELVES))
    cold = len(SHELVES) + np.argsort(draws.uniform("item.cold", code[len(SHELVES) :]), kind="stable")[:count]
    late = config.days - _NEW_DAYS + draws.below("item.birthday", _NEW_DAYS, cold)
    born[cold] = np.where(np.arange(count) % 2 == 0, late, config.days)
    return born


def _cells(cell: Codes, weight: Floats, established: npt.NDArray[np.bool_]) -> Cells:
    per_shelf = len(TIERS) * len(STYLES)
    count = len(SHELVES) * per_shelf
    order = np.argsort(cell, kind="stable")
    begin, end = (np.searchsorted(cell[order], np.arange(count), side=side) for side in ("left", "right"))
    filled = end > begin
    source = np.arange(count)
    for empty in np.flatnonzero(~filled):
        start = empty - empty % per_shelf
        same = start + np.flatnonzero(filled[start : start + per_shelf])
        source[empty] = same[np.argmin(np.abs(same - empty))]
    return Cells(
        order=order,
        cumulative=np.cumsum(weight[order]),
        begin=begin,
        end=end,
        source=source,
        stand_in=_stand_in(order, established),
    )


def _stand_in(order: Codes, established: npt.NDArray[np.bool_]) -> Codes:
    """For each item the next established one in cell order, or the last one at the very end."""
    positions = np.flatnonzero(established[order])
    following = np.searchsorted(positions, np.arange(len(order)))
    nearest = positions[np.minimum(following, len(positions) - 1)]
    found = np.empty_like(order)
    found[order] = order[nearest]
    return found
