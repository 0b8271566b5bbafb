"""What each place in the storefront shows: home mostly new things, the shelves only what the shopper began or bought.

A slot closes items out before any source is asked (`close`) and has the last word on the order (`order`). Ages are
measured from the newest event of the history, never from the clock (docs/decisions/0006). A related list asks about
its items and not about the shopper, so no slot restricts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.history import EMPTY_HISTORY, History
from recsys.kinds import POSITIVE, table
from recsys.models.repeats import Repeats
from recsys.query import Query, Slot
from recsys.ranking.order import Ranking
from recsys.ranking.slots_kernel import (
    BACK,
    BOUGHT,
    WANTED,
    behind,
    bought_items,
    enough_for_now,
    wanted_items,
)
from recsys.retrieval.source import Codes, Flags, Values
from recsys.types import POSITIVE_TYPES, EventType
from recsys.weights import DAY_MS

__all__ = ["SHELF_REASONS", "SlotRule", "SlotsConfig", "slot_of", "slot_rule"]

Times = npt.NDArray[np.int64]

SHELF_REASONS: Final[Mapping[Slot, str]] = {"buy-again": "bought_before", "continue": "viewed_before"}
"""The reason of every item of a shelf, which lists nothing but the shopper's own."""

_LIST: Final = 20
"""`most_seen` is said of lists of this length."""
_SMALLEST: Final = 5
"""Lists from this length on may show one seen item at least."""
_FRESH: Final = 0.85
"""Worth of what was bought a moment ago, against 1 at the end of its cycle: stocking up is common."""
_OVERDUE: Final = 2.0
"""Cycles after which an item that was not bought again begins to fade."""
_NEVER: Final = np.iinfo(np.int64).min


_CART: Final = table(EventType.CART)
_UNCART: Final = table(EventType.UNCART)
_WISH: Final = table(EventType.FAVORITE)
_CLOSING: Final = table(EventType.ORDER, EventType.PURCHASE, EventType.CANCEL, EventType.RETURN)
_INTEREST: Final = table(*POSITIVE_TYPES - {EventType.PURCHASE})
_MEANS: Final = (
    BOUGHT * table(EventType.PURCHASE) + BACK * table(EventType.CANCEL, EventType.RETURN) + WANTED * POSITIVE
).astype(np.uint8)
"""What the compiled parts know of an event, by event code."""


class SlotsConfig(BaseModel):
    """What home holds back, and what stands on the shelves."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    most_seen: int = Field(default=4, ge=0, le=20)
    """Items the shopper has seen before among 20 of the `home` slot; other lengths in proportion."""
    consumable_rate: float = Field(default=0.05, ge=0, le=1)
    """An item is bought again when this share of its buyers does so; else one is enough."""
    recent_days: float = Field(default=90.0, ge=0)
    """Days for which home hides a bought item of which one is enough."""
    continue_days: float = Field(default=30.0, gt=0)
    """Days for which the `continue` slot remembers what was looked at."""

    def seen_among(self, num: int) -> int:
        """Seen items that a home list of `num` may show."""
        least = 1 if self.most_seen and num >= _SMALLEST else 0
        return max(least, num * self.most_seen // _LIST)


class Closing(Protocol):
    """What may be shown in a request, to be narrowed; a bucket counts what leaves by its name."""

    def hide(self, name: str, codes: Codes) -> None:
        """Take some items out."""

    def keep(self, name: str, codes: Codes) -> None:
        """Take all but some items out."""


class SlotRule(Protocol):
    """One slot for one shopper."""

    closed: bool
    """Whether the list holds nothing but what its gates let through: all of that, and never filled up."""

    def close(self, closing: Closing) -> None:
        """Take out what the slot does not show, by the few items that a shopper's past names."""

    def seen(self) -> Codes:
        """The items whose number in the list is limited."""

    def order(self, ranking: Ranking, num: int) -> tuple[Ranking, int]:
        """The ranking as the slot wants it, and how many at its end are there because of the limit."""


def slot_of(query: Query) -> Slot:
    """The slot whose rule holds."""
    return "any" if query.related is not None else query.slot


def slot_rule(query: Query, repeats: Repeats, config: SlotsConfig) -> SlotRule:
    """The rule of a query's slot."""
    history = EMPTY_HISTORY if query.personalization == "none" else query.history
    slot = slot_of(query)
    if slot == "home":
        return _Home(history, repeats, config)
    if slot == "buy-again":
        return _BuyAgain(history, repeats, config)
    if slot == "continue":
        return _Continue(history, config)
    return _ANYWHERE


class _Slot:
    """What all slots do alike."""

    def close(self, closing: Closing) -> None:
        """Nothing."""


@dataclass(frozen=True)
class _Anywhere(_Slot):
    """Every item, in the order of its score."""

    closed = False

    def seen(self) -> Codes:
        return EMPTY_HISTORY.items

    def order(self, ranking: Ranking, num: int) -> tuple[Ranking, int]:  # noqa: ARG002
        return ranking, 0


_ANYWHERE: Final = _Anywhere()


@dataclass(frozen=True)
class _Home(_Slot):
    """Guess you like: few seen items, and none that was just bought and is bought once."""

    history: History
    repeats: Repeats
    config: SlotsConfig
    closed = False

    def close(self, closing: Closing) -> None:
        history, config = self.history, self.config
        hidden = enough_for_now(
            history.items,
            history.types,
            history.times,
            history.by_item,
            _MEANS,
            self.repeats.rate,
            config.consumable_rate,
            config.recent_days * DAY_MS,
        )
        if len(hidden):
            closing.hide("bought_recently", hidden)

    def seen(self) -> Codes:
        return self._seen

    @cached_property
    def _seen(self) -> Codes:
        history = self.history
        return wanted_items(history.items, history.types, history.by_item, _MEANS)

    def order(self, ranking: Ranking, num: int) -> tuple[Ranking, int]:
        """Seen items over the limit go behind all others, and both keep their order."""
        if not len(self._seen):
            return ranking, 0
        order, over = behind(ranking.codes, self._seen, self.config.seen_among(num))
        return (ranking.take(order) if over else ranking), over


@dataclass(frozen=True)
class _BuyAgain(_Slot):
    """What the shopper bought and may buy again, by score and by being due."""

    history: History
    repeats: Repeats
    config: SlotsConfig
    closed = True

    @cached_property
    def _bought(self) -> "_Bought":
        return _Bought.of(self.history)

    def close(self, closing: Closing) -> None:
        bought = self._bought
        closing.keep("never_bought", bought.codes)
        closing.hide("bought_once_only", bought.codes[~bought.again(self.repeats, self.config)])

    def seen(self) -> Codes:
        return EMPTY_HISTORY.items

    def order(self, ranking: Ranking, num: int) -> tuple[Ranking, int]:  # noqa: ARG002
        """Places instead of scores, whose scale is the ranker's own; without an order being due decides."""
        due = self._bought.due(ranking.codes, self.repeats)
        return _by_worth(ranking, due * _discounts(ranking.scores)), 0


@dataclass(frozen=True)
class _Continue(_Slot):
    """What the shopper looked at lately and did not buy: carts first, then wishes, then the rest, newest first."""

    history: History
    config: SlotsConfig
    closed = True

    def close(self, closing: Closing) -> None:
        codes, interest = self._interest
        oldest = int(self.history.times.max(initial=0)) - self.config.continue_days * DAY_MS
        closing.keep("not_browsed", codes[(interest >= oldest) & (interest > _NEVER)])
        closing.hide("bought_since", codes[_last(self.history, _CLOSING, codes) >= interest])

    def seen(self) -> Codes:
        return EMPTY_HISTORY.items

    def order(self, ranking: Ranking, num: int) -> tuple[Ranking, int]:  # noqa: ARG002
        codes, interest = self._interest
        closing = _last(self.history, _CLOSING, codes)
        cart = _last(self.history, _CART, codes)
        in_cart = cart > np.maximum(closing, _last(self.history, _UNCART, codes))
        wished = _last(self.history, _WISH, codes) > closing
        places = np.searchsorted(codes, ranking.codes)
        days = (int(self.history.times.max(initial=0)) - interest[places]) / DAY_MS
        strength = np.where(in_cart, 2.0, wished)[places] + 1 / (2 + days)
        return _by_worth(ranking, strength.astype(np.float32) * ranking.boosts), 0

    @cached_property
    def _interest(self) -> tuple[Codes, Times]:
        """All items of the history, ascending, and when each was last wanted."""
        codes = np.unique(self.history.items)
        return codes, _last(self.history, _INTEREST, codes)


@dataclass(frozen=True)
class _Bought:
    """Items whose purchase stands, ascending, with columns beside."""

    codes: Codes
    last: Times
    """Time (ms) of the last purchase."""
    days: Times
    """Days on which it was bought."""
    span: Times
    """Days from the first of them to the last."""
    newest: int
    """Time (ms) of the history's newest event."""

    @classmethod
    def of(cls, history: History) -> "_Bought":
        columns = bought_items(history.items, history.types, history.times, history.by_item, _MEANS)
        return cls(*columns, newest=int(history.times[-1]) if len(history) else 0)

    def again(self, repeats: Repeats, config: SlotsConfig) -> Flags:
        """Which are bought again: by enough of their buyers, or by this shopper on another day."""
        flags: Flags = (repeats.rate[self.codes] >= config.consumable_rate) | (self.days > 1)
        return flags

    def due(self, codes: Codes, repeats: Repeats) -> Values:
        """1 at the end of a cycle and for one more, less before and after; items without a cycle count 1.

        The cycle is the mean of the shopper's own gaps and, as one more, the item's typical one.
        """
        places = np.searchsorted(self.codes, codes)
        typical = repeats.cycle_days[codes]
        gaps = self.days[places] - 1
        cycle = (self.span[places] + typical) / (gaps + (typical > 0)).clip(1)
        waited = (self.newest - self.last[places]) / DAY_MS
        turns = np.where(cycle > 0, waited / np.maximum(cycle, 1e-6), 1.0)
        due = (_FRESH + (1 - _FRESH) * np.minimum(turns, 1)) * _OVERDUE / np.maximum(turns, _OVERDUE)
        values: Values = due.astype(np.float32)
        return values


def _last(history: History, types: Flags, codes: Codes) -> Times:
    """When each of `codes` (ascending, all of the history's items) last had an event of these types."""
    kept = types[history.types]
    last = np.full(len(codes), _NEVER)
    last[np.searchsorted(codes, history.items[kept])] = history.times[kept]
    return last


def _discounts(scores: Values) -> Values:
    """1 / log2(place + 1) for places from 1 by falling score; equal scores share the better place."""
    falling = np.sort(-scores)
    places = np.searchsorted(falling, -scores) + 1
    values: Values = (1 / np.log2(places + 1)).astype(np.float32)
    return values


def _by_worth(ranking: Ranking, worth: Values) -> Ranking:
    """By falling worth, which is the score from here on; equal worth keeps the order."""
    return ranking.scored(worth).take(np.argsort(-worth, kind="stable"))
