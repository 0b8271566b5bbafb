"""What is hidden in the simulated shop for methods to find: bundles, themes, and the items fakes push.

All of it is made of items that exist from the first day.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.catalogue import Catalogue
from feature_store.simulator.draws import Draws
from feature_store.simulator.words import DEPARTMENTS, SHELVES, THEMES

__all__ = ["ATTACH_RATE", "Plants", "plant"]

Codes = npt.NDArray[np.int64]

ATTACH_RATE = 0.5
"""Probability that a cart with a bundle's main item gets the bundle's other items too."""
_ITEMS_PER_THEME_SHELF = 6
_SHELF_INDEX = {shelf.name[0]: index for index, shelf in enumerate(SHELVES)}


@dataclass(frozen=True, slots=True)
class Plants:
    """The planted structure."""

    bundles: Codes
    """Rows (main, complement, consumable or second complement): shape (bundles, 3)."""
    bundle_of: Codes
    """Per item the bundle whose main item it is, -1 for none."""
    themes: tuple[Codes, ...]
    """Items of each theme, in the order of `words.THEMES`."""
    pushed: Codes
    """Items that fake buyers buy."""


def plant(catalogue: Catalogue, draws: Draws) -> Plants:
    """Chooses bundles, themes and pushed items."""
    bundles = _bundles(catalogue, draws)
    bundle_of = np.full(len(catalogue), -1, dtype=np.int64)
    bundle_of[bundles[:, 0]] = np.arange(len(bundles))
    quiet = np.flatnonzero(catalogue.established & (bundle_of < 0))
    least = quiet[np.argsort(catalogue.weight[quiet], kind="stable")]
    return Plants(
        bundles=bundles,
        bundle_of=bundle_of,
        themes=tuple(_theme(catalogue, draws, number) for number in range(len(THEMES))),
        pushed=least[: 3 + len(catalogue) // 2000],
    )


def _bundles(catalogue: Catalogue, draws: Draws) -> Codes:
    """Mains are the most wanted durable items: enough carts to learn from."""
    durable = np.array([not shelf.consumable for shelf in SHELVES])
    able = np.flatnonzero(catalogue.established & durable[catalogue.shelf])
    count = max(4, len(catalogue) // 250)
    mains = able[np.argsort(-catalogue.weight[able], kind="stable")][:count]
    return np.array([_parts(catalogue, draws, int(main)) for main in mains], dtype=np.int64).reshape(-1, 3)


def _parts(catalogue: Catalogue, draws: Draws, main: int) -> tuple[int, int, int]:
    """The main item and one item from each of two other shelves of its department, consumables last."""
    shelf = int(catalogue.shelf[main])
    start = 0
    for department in DEPARTMENTS:
        if shelf < start + len(department.shelves):
            break
        start += len(department.shelves)
    others = [index for index in range(start, start + len(department.shelves)) if index != shelf]
    others.sort(key=lambda index: (SHELVES[index].consumable, index))
    chosen = (others[0], others[-1])
    first, second = (_any_of(catalogue, draws, index, main) for index in chosen)
    return main, first, second


def _any_of(catalogue: Catalogue, draws: Draws, shelf: int, key: int) -> int:
    stock = np.flatnonzero(catalogue.established & (catalogue.shelf == shelf))
    return int(stock[draws.below("bundle.part", len(stock), key, shelf)[0]])


def _theme(catalogue: Catalogue, draws: Draws, number: int) -> Codes:
    """Up to six items from each shelf of the theme."""
    chosen = []
    for name in THEMES[number][1]:
        stock = np.flatnonzero(catalogue.established & (catalogue.shelf == _SHELF_INDEX[name]))
        lots = draws.uniform("theme.item", stock, number)
        chosen.append(stock[np.argsort(lots, kind="stable")][:_ITEMS_PER_THEME_SHELF])
    return np.sort(np.concatenate(chosen))
