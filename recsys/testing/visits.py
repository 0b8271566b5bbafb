"""How shoppers of the test shop browse: all sessions at once, one step of each at a time.

A session looks at one group; each viewed item may be put in the cart a minute later and bought after that; one
purchase in thirty comes back two days later, outside any session.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS

__all__ = ["Columns", "Tastes", "visit"]

STEPS: Final = 8
MINUTE: Final = 60_000
_PURCHASE: Final = EVENT_CODES[EventType.PURCHASE]
_FUNNEL: Final = ((EventType.VIEW, 1.0), (EventType.CART, 0.3), (EventType.PURCHASE, 0.5))
"""Each step of the way with the share of the step before that gets there."""

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Columns = tuple[Codes, Codes, NDArray[np.int8], NDArray[np.int64], Codes, NDArray[np.float32]]
"""user, item, type, time, session, quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tastes:
    """What drives a session; see `recsys.testing.shop.Planted`."""

    user_group: Codes
    popularity: NDArray[np.float64]
    """float64[groups, items per group], rows sum to 1."""
    companion: Codes
    favourite: Codes
    consumable: NDArray[np.bool_]
    rising: Codes
    loyalty: float
    companionship: float


@dataclass(frozen=True, slots=True)
class _Sessions:
    user: Codes
    group: Codes
    start: NDArray[np.int64]
    length: Codes

    def __len__(self) -> int:
        return len(self.user)


def visit(tastes: Tastes, per_user: float, span: tuple[int, int], generator: np.random.Generator) -> Columns:
    """Events in [span) ms as unsorted columns; `per_user` sessions each on average, at least one."""
    sessions = _plan(tastes, per_user, span, generator)
    item, certain = _first_items(tastes, sessions, span[1], generator)
    parts = []
    for step in range(STEPS):
        luck = generator.random((len(_FUNNEL), len(sessions)))
        luck[:, certain & (step == 0)] = 0.0
        parts += _events_of_step(sessions, step, item, luck)
        follow = generator.random(len(sessions)) < tastes.companionship
        item = np.where(follow, tastes.companion[item], _sample(tastes, sessions.group, generator))
    user, viewed, kind, time, session = (np.concatenate(column) for column in zip(*parts, strict=True))
    units = np.where(kind == _PURCHASE, generator.integers(1, 4, len(kind)), 1).astype(np.float32)
    return _with_returns((user, viewed, kind, time, session, units), span[1], generator)


def _plan(
    tastes: Tastes, per_user: float, span: tuple[int, int], generator: np.random.Generator
) -> _Sessions:
    users, groups = len(tastes.user_group), len(tastes.popularity)
    counts = 1 + generator.poisson(max(per_user - 1.0, 0.0), users)
    user = np.repeat(np.arange(users, dtype=np.int32), counts)
    loyal = generator.random(len(user)) < tastes.loyalty
    group = np.where(loyal, tastes.user_group[user], generator.integers(0, groups, len(user)))
    start = generator.integers(span[0], span[1] - STEPS * 3 * MINUTE, len(user))
    length = 1 + generator.binomial(STEPS - 1, 0.3, len(user))
    return _Sessions(user, group.astype(np.int32), start, length.astype(np.int32))


def _first_items(
    tastes: Tastes, sessions: _Sessions, end: int, generator: np.random.Generator
) -> tuple[Codes, Mask]:
    """The favourite where the group is consumed, a rising item in many sessions of the last week, else a draw.

    Also says where it is the favourite, which is bought for sure.
    """
    item = _sample(tastes, sessions.group, generator)
    draw = generator.random(len(sessions))
    again = tastes.consumable[sessions.group] & (draw < 0.6)
    item = np.where(again, tastes.favourite[sessions.user, sessions.group], item)
    rises = (sessions.start >= end - 7 * DAY_MS) & (draw >= 0.7)
    return np.where(rises, tastes.rising[sessions.group], item).astype(np.int32), again


def _sample(tastes: Tastes, group: Codes, generator: np.random.Generator) -> Codes:
    """One item of each group in `group`, by popularity."""
    steps = np.cumsum(tastes.popularity, axis=1) + np.arange(len(tastes.popularity))[:, None]
    drawn = np.searchsorted(steps.ravel(), group + generator.random(len(group)), side="right")
    # The sum of a row may end a hair below 1: stay inside the group and off its cold items.
    last = (tastes.popularity > 0).sum(axis=1) - 1 + np.arange(len(steps)) * steps.shape[1]
    item: Codes = np.minimum(drawn, last[group]).astype(np.int32)
    return item


def _events_of_step(
    sessions: _Sessions, step: int, item: Codes, luck: NDArray[np.float64]
) -> list[tuple[Codes, Codes, NDArray[np.int8], NDArray[np.int64], Codes]]:
    """Views of the sessions that still go on, of those some carts, and of those some purchases."""
    parts = []
    going = step < sessions.length
    for delay, (kind, share) in enumerate(_FUNNEL):
        going &= luck[delay] < share
        session = np.flatnonzero(going).astype(np.int32)
        code = np.full(len(session), EVENT_CODES[kind], dtype=np.int8)
        time = sessions.start[session] + (3 * step + delay) * MINUTE
        parts.append((sessions.user[session], item[session], code, time, session))
    return parts


def _with_returns(columns: Columns, end: int, generator: np.random.Generator) -> Columns:
    """The events and, for one purchase in thirty, its return two days later if that is before `end`."""
    user, item, kind, time, session, quantity = columns
    back = (kind == _PURCHASE) & (generator.random(len(kind)) < 1 / 30) & (time + 2 * DAY_MS < end)
    code = np.full(int(back.sum()), EVENT_CODES[EventType.RETURN], dtype=np.int8)
    return (
        np.concatenate([user, user[back]]),
        np.concatenate([item, item[back]]),
        np.concatenate([kind, code]),
        np.concatenate([time, time[back] + 2 * DAY_MS]),
        np.concatenate([session, np.full_like(session[back], -1)]),
        np.concatenate([quantity, quantity[back]]),
    )
