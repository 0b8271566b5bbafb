"""Who comes when: sessions planned day by day and handed out in blocks.

A session is a global number; all that is random about it is drawn from that number, so blocks of any size
hold the same sessions. Numbers ascend with the start time inside a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.calendar import sessions_per_day, start_times
from feature_store.simulator.config import DAY_MS
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import THEMES

__all__ = ["Sessions", "sessions_on"]

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_THEME_SHARE = 0.08
_FAKE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Sessions:
    """A block of sessions of one day."""

    day: int
    number: Codes
    start: Codes
    """Ms since the epoch."""
    user: Codes
    anonymous: Flags
    fake: Flags
    """Sessions in which a fake buyer does the job; the rest of a fake buyer's sessions are ordinary."""
    theme: Codes
    """Index of the theme the shopper came for, -1 for none."""

    def __len__(self) -> int:
        return len(self.number)


def sessions_on(shop: Shop, day: int, total: int, block: int) -> Iterator[Sessions]:
    """The sessions of a day out of `total` over all days, at most `block` at a time."""
    counts = sessions_per_day(shop.config, total)
    first = int(counts[:day].sum())
    numbers = np.arange(first, first + int(counts[day]), dtype=np.int64)
    starts = start_times(np.sort(shop.draws.uniform("session.start", numbers)))
    bounds = np.cumsum(shop.population.weights_on(day))
    if bounds[-1] == 0.0:
        return
    for low in range(0, len(numbers), block):
        part = slice(low, low + block)
        yield _block(shop, day, numbers[part], starts[part], bounds)


def _block(shop: Shop, day: int, number: Codes, start: Codes, bounds: npt.NDArray[np.float64]) -> Sessions:
    draws = shop.draws
    at = draws.uniform("session.user", number) * bounds[-1]
    user = np.minimum(np.searchsorted(bounds, at, side="right"), len(bounds) - 1).astype(np.int64)
    fake = shop.population.fake[user] & draws.chance("session.fake", _FAKE_SHARE, number)
    themed = ~fake & draws.chance("session.themed", _THEME_SHARE, number)
    return Sessions(
        day=day,
        number=number,
        start=shop.config.start_ms + day * DAY_MS + start,
        user=user,
        anonymous=~fake & draws.chance("session.anonymous", shop.config.anonymous, number),
        fake=fake,
        theme=np.where(themed, draws.below("session.theme", len(THEMES), number), -1),
    )
