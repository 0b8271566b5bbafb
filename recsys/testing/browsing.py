"""What shoppers did in a made-up shop of any size, all sessions at once.

A shopper has three favourite categories and in each some regular items; most of a session stays in its category.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions
from recsys.testing.assortment import END, Assortment
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

__all__ = ["browse"]

Codes = npt.NDArray[np.int32]

_EVENTS_PER_ITEM: Final = 10
_EVENTS_PER_SHOPPER: Final = 40
_MEAN_SESSION: Final = 4
_LONGEST_SESSION: Final = 30
_DAYS: Final = 180
_MINUTE: Final = 60_000
_FAVOURITES: Final = 3
_LOYAL: Final = 0.8
"""Share of sessions in one of the shopper's favourite categories."""
_ASTRAY: Final = 0.2
"""Share of events of any item of the shop."""
_REGULAR: Final = 0.15
"""Share of events of the shopper's regular items; the others are of the session's category."""
_REGULARS: Final = 20
"""Most wanted items of a category among which its regular ones are."""
_SHARES: Final = {
    EventType.VIEW: 0.6,
    EventType.CLICK: 0.15,
    EventType.CART: 0.13,
    EventType.PURCHASE: 0.1,
    EventType.FAVORITE: 0.02,
}


def browse(shop: Assortment, items: Vocabulary, generator: np.random.Generator) -> Interactions:
    """A log of half a year: about ten events per item, forty per shopper, four per session."""
    sessions = max(len(shop) * _EVENTS_PER_ITEM // _MEAN_SESSION, 50)
    shoppers = max(sessions * _MEAN_SESSION // _EVENTS_PER_SHOPPER, 20)
    length = np.minimum(generator.geometric(1 / _MEAN_SESSION, sessions), _LONGEST_SESSION)
    session = np.repeat(np.arange(sessions, dtype=np.int32), length)
    step = np.arange(len(session)) - np.repeat(np.cumsum(length) - length, length)
    shopper = generator.integers(0, shoppers, sessions).astype(np.int32)
    leaf = _leaves(shop, shopper, shoppers, generator)
    start = generator.integers(END - _DAYS * DAY_MS, END - _LONGEST_SESSION * _MINUTE, sessions)
    return Interactions.sort(
        users=Vocabulary(f"shopper-{number:07d}" for number in range(shoppers)),
        items=items,
        columns=(
            shopper[session],
            _items(shop, leaf[session], shopper[session], generator),
            _types(len(session), generator),
            start[session] + step * _MINUTE,
            session,
            np.ones(len(session), np.float32),
        ),
    )


def _leaves(shop: Assortment, shopper: Codes, shoppers: int, generator: np.random.Generator) -> Codes:
    """The category of each session int32[sessions]."""
    favourites = shop.leaf[shop.draw_any(shoppers * _FAVOURITES, generator)].reshape(shoppers, _FAVOURITES)
    chosen = favourites[shopper, generator.integers(0, _FAVOURITES, len(shopper))]
    other = shop.leaf[shop.draw_any(len(shopper), generator)]
    return np.where(generator.random(len(shopper)) < _LOYAL, chosen, other).astype(np.int32)


def _items(shop: Assortment, leaf: Codes, shopper: Codes, generator: np.random.Generator) -> Codes:
    luck = generator.random(len(leaf))
    sizes = np.minimum(np.diff(shop.starts)[leaf], _REGULARS)
    # The same shopper has the same few regular items in a category on every visit.
    regular = shop.by_leaf[
        shop.starts[leaf] + (shopper.astype(np.int64) * 7_919 + leaf + (luck * 3e4).astype(int) % 3) % sizes
    ]
    inside = np.where(luck < _ASTRAY + _REGULAR, regular, shop.draw(leaf, generator))
    return np.where(luck < _ASTRAY, shop.draw_any(len(leaf), generator), inside).astype(np.int32)


def _types(count: int, generator: np.random.Generator) -> npt.NDArray[np.int8]:
    codes = np.array([EVENT_CODES[kind] for kind in _SHARES], np.int8)
    edges = np.cumsum(list(_SHARES.values()))
    drawn: npt.NDArray[np.int8] = codes[
        np.minimum(np.searchsorted(edges, generator.random(count)), len(codes) - 1)
    ]
    return drawn
