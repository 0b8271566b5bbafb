"""A small shop whose structure is known, so that a test can say what a model must find.

Invariants: the same size and seed give the same shop; what is planted is written down in `Planted` and nowhere
else. Shoppers of a community prefer one group of items; a few items of a group are far more popular than the
others; after an item often comes its companion; consumables are bought again; some items rise in the last week;
the newest items of each group have no events at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InputError
from recsys.interactions import Interactions
from recsys.testing.goods import GROUPS, make_item
from recsys.testing.visits import Columns, Tastes, visit
from recsys.types import Event, EventType, Item, User
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

__all__ = ["Planted", "Shop", "ShopSize", "build_shop"]

START: Final = 1_767_225_600_000
"""The first event day, 2026-01-01 UTC, in ms."""

Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSize:
    """How large the shop is and how clear its structure."""

    users: int = 300
    groups: int = 6
    """At most eight."""
    items_per_group: int = 40
    cold_per_group: int = 2
    """Of those, how many have no events."""
    sessions_per_user: float = 8.0
    days: int = 60
    loyalty: float = 0.8
    """Share of a shopper's sessions in the group of the community."""
    companionship: float = 0.5
    """How often the next item of a session is the companion of the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """The truth behind the events; columns by item or user code."""

    item_group: Codes
    user_group: Codes
    popularity: NDArray[np.float64]
    """Chance of each item within its group; zero for cold ones."""
    companion: Codes
    """What often follows an item in a session; -1 for cold ones."""
    consumable: NDArray[np.bool_]
    favourite: Codes
    """int32[users, groups]: the item of each group a shopper comes back to, where it is consumable."""
    rising: Codes
    """Items that the last week likes ten times as much."""
    cold: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Items and users in the order of the interactions' vocabularies, and what was planted."""

    items: tuple[Item, ...]
    users: tuple[User, ...]
    interactions: Interactions
    planted: Planted
    start: int
    end: int
    """All events lie in [start, end), ms."""

    def events(self) -> Iterator[Event]:
        """The interactions as events, ordered by user and time."""
        kinds = list(EventType)
        rows = self.interactions
        columns = (rows.user, rows.item, rows.type, rows.time, rows.session, rows.quantity)
        for number, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            user, item, kind, time, session, quantity = values
            yield Event(
                event_id=f"event-{number:07d}",
                type=kinds[kind],
                timestamp=time,
                user_id=rows.users[user],
                session_id=f"session-{session}" if session >= 0 else None,
                item_id=rows.items[item],
                quantity=quantity,
                price=self.items[item].offers[0].price,
            )


def build_shop(seed: int, size: ShopSize | None = None) -> Shop:
    """Make a shop; the default one has 240 items, 300 shoppers and some 12,000 events.

    Raises InputError for more groups than there are goods for.
    """
    size = size or ShopSize()
    if not 1 <= size.groups <= len(GROUPS):
        raise InputError(f"groups is {size.groups!r}; expected 1 to {len(GROUPS)}")
    generator = np.random.default_rng(seed)
    end = START + size.days * DAY_MS
    items = tuple(
        make_item(group, number, _created(number, size), generator)
        for group in GROUPS[: size.groups]
        for number in range(size.items_per_group)
    )
    planted = _plant(size, generator)
    users = tuple(_user(code, int(group), generator) for code, group in enumerate(planted.user_group))
    tastes = Tastes(
        user_group=planted.user_group,
        popularity=planted.popularity.reshape(size.groups, -1),
        companion=planted.companion,
        favourite=planted.favourite,
        consumable=np.array([group.consumable for group in GROUPS[: size.groups]]),
        rising=planted.rising,
        loyalty=size.loyalty,
        companionship=size.companionship,
    )
    columns: Columns = visit(tastes, size.sessions_per_user, (START, end), generator)
    interactions = Interactions.sort(
        users=Vocabulary(user.user_id for user in users),
        items=Vocabulary(item.item_id for item in items),
        columns=columns,
    )
    return Shop(items=items, users=users, interactions=interactions, planted=planted, start=START, end=end)


def _plant(size: ShopSize, generator: np.random.Generator) -> Planted:
    groups, per_group, warm = size.groups, size.items_per_group, size.items_per_group - size.cold_per_group
    place = np.tile(np.arange(per_group), groups)
    first = np.repeat(np.arange(groups) * per_group, per_group)
    weights = 1.0 / (1.0 + generator.permuted(np.tile(np.arange(warm), (groups, 1)), axis=1))
    popularity = np.zeros((groups, per_group))
    popularity[:, :warm] = weights / weights.sum(axis=1, keepdims=True)
    item_group = np.repeat(np.arange(groups), per_group)
    least_liked = popularity[:, :warm].argmin(axis=1)
    return Planted(
        item_group=item_group.astype(np.int32),
        user_group=generator.integers(0, groups, size.users).astype(np.int32),
        popularity=popularity.ravel(),
        companion=np.where(place < warm, first + (place + 1) % warm, -1).astype(np.int32),
        consumable=np.array([group.consumable for group in GROUPS[:groups]])[item_group],
        favourite=(generator.integers(0, warm, (size.users, groups)) + np.arange(groups) * per_group).astype(
            np.int32
        ),
        rising=(least_liked + np.arange(groups) * per_group).astype(np.int32),
        cold=np.flatnonzero(place >= warm).astype(np.int32),
    )


def _created(number: int, size: ShopSize) -> int:
    """Cold items are the newest: made on the last day, the others before the first."""
    is_cold = number >= size.items_per_group - size.cold_per_group
    return START + (size.days - 1) * DAY_MS if is_cold else START - (1 + number % 300) * DAY_MS


def _user(code: int, group: int, generator: np.random.Generator) -> User:
    """A shopper whose `interest` names the community's group four times in five, and is missing otherwise."""
    attributes = {
        "age_band": f"{18 + 10 * int(generator.integers(5))}+",
        "会员等级": ("普通", "黄金", "钻石")[int(generator.integers(3))],
    }
    if generator.random() < 0.8:
        attributes["interest"] = GROUPS[group].name
    # Unlike anything else in a file, so that a search for shoppers in a release finds shoppers only.
    return User(user_id=f"shopper-{int(generator.integers(1 << 40)):010x}-{code}", attributes=attributes)
