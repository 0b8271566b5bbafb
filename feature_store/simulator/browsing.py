"""Which items a session looks at, and which of them reach the cart: one row per item looked at.

A shopper mostly stays on the shelf they came for, in their own price tier and style, and comes back to a few
staples; a theme session looks at the theme's items; a cart with a bundle's main item often gets its other
parts.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.calendar import wanted_by_season
from feature_store.simulator.catalogue import TIERS
from feature_store.simulator.plants import ATTACH_RATE
from feature_store.simulator.sessions import Sessions
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import SHELVES, STYLES

__all__ = ["MAX_ROWS", "Rows", "browse"]

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MAX_ROWS = 64
"""No session has more rows: 12 looks, each with at most two more bundle parts, stay far below."""
_MAX_LOOKS = 12
_MEAN_MORE_LOOKS = 3.0
_STAPLES = 4
_STAPLE_SHARE = 0.16
_STAPLE_CART = 2.5
_THEME_CART = 1.5
_CONSUMABLE = np.array([shelf.consumable for shelf in SHELVES])


@dataclass(frozen=True, slots=True)
class Rows:
    """Items looked at, in session order; `session` is a position in the block, `place` one in the session."""

    session: Codes
    place: Codes
    item: Codes
    carted: Flags
    variant: Codes
    kept: Flags
    """In the cart at the end: carted and not taken out again."""

    def keys(self, sessions: Sessions) -> Codes:
        """A number per row that no other row of the simulation has."""
        return sessions.number[self.session] * MAX_ROWS + self.place


def browse(shop: Shop, sessions: Sessions) -> Rows:
    """The rows of a block of sessions."""
    session, place = _looks(shop, sessions)
    key = sessions.number[session] * MAX_ROWS + place
    item, staple = _items(shop, sessions, session, key)
    carted = shop.draws.chance("row.cart", _cart_rate(shop, sessions, session, item, staple), key)
    source, item = _with_bundles(shop, item, carted, key)
    session = session[source]
    _, place = _spread(np.bincount(session, minlength=len(sessions)))
    return _finish(shop, sessions, (session, place, item, carted[source]))


def _looks(shop: Shop, sessions: Sessions) -> tuple[Codes, Codes]:
    """How many items each session looks at (fakes: one), as (session, place) rows."""
    u = shop.draws.uniform("session.looks", sessions.number)
    more = np.floor(np.log1p(-u) / np.log(_MEAN_MORE_LOOKS / (1.0 + _MEAN_MORE_LOOKS)))
    looks = np.where(sessions.fake, 1, np.minimum(1 + more, _MAX_LOOKS)).astype(np.int64)
    return _spread(looks)


def _spread(counts: Codes) -> tuple[Codes, Codes]:
    """(owner, place) rows for so many rows per owner."""
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - first[owner]


def _items(shop: Shop, sessions: Sessions, session: Codes, key: Codes) -> tuple[Codes, Flags]:
    """The item of each row, and whether it is one of the shopper's staples."""
    draws, plants = shop.draws, shop.plants
    taste = shop.population.taste(sessions.user)
    item = _by_taste(shop, sessions, session, key, taste)
    staple = draws.chance("row.staple", _STAPLE_SHARE, key)
    item[staple] = _staples(shop, sessions, session[staple], key[staple], taste)
    for theme, members in enumerate(plants.themes):
        here = sessions.theme[session] == theme
        item[here] = members[draws.below("row.theme", len(members), key[here])]
    fake = sessions.fake[session]
    item[fake] = plants.pushed[draws.below("row.pushed", len(plants.pushed), key[fake])]
    return item, staple & (sessions.theme[session] < 0) & ~fake


def _by_taste(shop: Shop, sessions: Sessions, session: Codes, key: Codes, taste: Floats) -> Codes:
    """An item from the shelf the session came for, or a second one; mostly in the own tier and style."""
    draws, population = shop.draws, shop.population
    wanted = np.cumsum(taste * wanted_by_season(shop.config)[sessions.day], axis=1)
    main, other = (
        _by_row(wanted, draws.uniform(f"session.{name}", sessions.number)) for name in ("shelf", "aside")
    )
    shelf = np.where(draws.chance("row.stays", 0.8, key), main[session], other[session])
    own_tier, own_style = population.tier(sessions.user)[session], population.style(sessions.user)[session]
    tier = np.where(
        draws.chance("row.own_tier", 0.7, key), own_tier, draws.below("row.tier", len(TIERS), key)
    )
    style = np.where(
        draws.chance("row.own_style", 0.6, key), own_style, draws.below("row.style", len(STYLES), key)
    )
    return shop.catalogue.pick(shelf, tier, style, draws.uniform("row.item", key), sessions.day)


def _staples(shop: Shop, sessions: Sessions, session: Codes, key: Codes, taste: Floats) -> Codes:
    """One of the few consumables a shopper buys again and again; the same ones all the year."""
    draws, user = shop.draws, sessions.user[session]
    which = draws.below("row.which_staple", _STAPLES, key)
    wanted = np.cumsum(taste * _CONSUMABLE, axis=1)[session]
    shelf = _by_row(wanted, draws.uniform("staple.shelf", user, which))
    tier, style = shop.population.tier(user), shop.population.style(user)
    # Day 0: a staple is something that has always been there.
    return shop.catalogue.pick(shelf, tier, style, draws.uniform("staple.item", user, which), 0)


def _by_row(bounds: Floats, u: Floats) -> Codes:
    """Per row of cumulative weights the column that `u` falls into."""
    return np.asarray((bounds < (u * bounds[:, -1])[:, None]).sum(axis=1), dtype=np.int64)


def _cart_rate(shop: Shop, sessions: Sessions, session: Codes, item: Codes, staple: Flags) -> Floats:
    config = shop.config
    rate = np.full(len(item), config.view_to_cart)
    rate *= np.where(staple, _STAPLE_CART, 1.0) * np.where(sessions.theme[session] >= 0, _THEME_CART, 1.0)
    if sessions.day == config.campaign_day:
        rate *= config.campaign_conversion
    return np.where(sessions.fake[session], 1.0, rate)


def _with_bundles(shop: Shop, item: Codes, carted: Flags, key: Codes) -> tuple[Codes, Codes]:
    """Adds the other parts of a bundle right after its carted main item: (source row, item) per row."""
    bundle = np.where(carted, shop.plants.bundle_of[item], -1)
    attach = (bundle >= 0) & shop.draws.chance("row.attach", ATTACH_RATE, key)
    source, part = _spread(np.where(attach, shop.plants.bundles.shape[1], 1))
    return source, np.where(attach[source], shop.plants.bundles[bundle[source], part], item[source])


def _finish(shop: Shop, sessions: Sessions, looks: tuple[Codes, Codes, Codes, Flags]) -> Rows:
    """Chooses the variant (a shopper keeps to one of each item) and what leaves the cart again."""
    draws = shop.draws
    session, place, item, carted = looks
    key = sessions.number[session] * MAX_ROWS + place
    taken_out = draws.chance("row.uncart", 0.1, key) & ~sessions.fake[session]
    return Rows(
        session=session,
        place=place,
        item=item,
        carted=carted,
        variant=draws.below("row.variant", shop.catalogue.variants[item], sessions.user[session], item),
        kept=carted & ~taken_out,
    )
