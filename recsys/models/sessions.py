"""Past sessions, indexed both ways: which sessions held an item, and what each session held, in order.

Invariants: sessions are numbered from the oldest to the newest, so a number is also a recency; a session holds an
item once; nothing here says whose session it was, and no array has a row per shopper.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recsys.arrays import load_array, load_json, save_arrays, save_json
from recsys.interactions import Interactions

__all__ = ["Sessions", "SessionsConfig"]

Codes = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]

_ARRAYS: Final = (
    "offsets",
    "items",
    "places",
    "weights",
    "starts",
    "postings",
    "matched",
    "match_weights",
    "item_weights",
)

_BUSY_SHOPPER: Final = 2.0
_BUSY_QUANTILE: Final = 0.99
"""A shopper's sessions weigh together at most so many times those of the shopper at this quantile: half a per cent of
paid buyers do not move it."""
_OF_BUSY_SHOPPER: Final = 3
"""Newest sessions of a shopper beyond that that are remembered of each item."""


class SessionsConfig(BaseModel):
    """Parameters of the index and of the scores read from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sessions_per_item: int = Field(default=200, ge=1, le=10_000)
    """Newest sessions remembered of each item: bounds the work of a request."""
    largest_session: int = Field(default=50, ge=2, le=1_000)
    """Of larger sessions the newest items are kept: bulk orders and bots say little about each pair."""
    nearest: int = Field(default=250, ge=1, le=10_000)
    """Neighbour sessions whose items are added up."""
    entries: int = Field(default=4_000, ge=1, le=1_000_000)
    """About how many items of theirs: fewer neighbours where sessions are large, at the same cost."""
    half_life: float = Field(default=0.6, gt=0)
    """Share of all sessions after which a session counts half: one scale for logs of a month and of years."""
    size_exponent: float = Field(default=0.4, ge=0)
    """An item of a session of n items counts n to the minus this."""
    match_exponent: float = Field(default=0.5, ge=0)
    """A match on an item that n sessions held counts n to the minus this: rare items say more."""
    item_exponent: float = Field(default=0.15, ge=0)
    """An item that n sessions held counts n to the minus this: popular items are not everybody's answer."""
    seed_fade: float = Field(default=2.0, gt=0)
    """Steps back in the shopper's past after which a match counts 1/e: the latest ask, earlier ones are context."""
    distance_fade: float = Field(default=3.0, gt=0)
    """Steps from the matched item within a neighbour session after which an item counts 1/e."""
    backwards: float = Field(default=0.7, ge=0, le=1)
    """What an item seen before the matched one counts, relative to one seen after it."""
    bridges: int = Field(default=5, ge=0, le=100)
    """Best items found that are asked once more for the sessions that held them."""
    bridge_share: float = Field(default=0.15, ge=0, le=1)
    """What the best item found over bridges counts, relative to the best one found directly."""
    bridge_again: float = Field(default=0.3, ge=0, le=1)
    """What a bridge's own sessions say for the bridge itself."""


@dataclass(frozen=True)
class Sessions:
    """S sessions of n entries over the items of a release."""

    config: SessionsConfig
    offsets: Offsets
    """Entries of session s are [offsets[s], offsets[s + 1])."""
    items: Codes
    """Item of each entry."""
    places: Codes
    """Step of each entry in its session from 0; entries of one time (a basket) share a step."""
    weights: Values
    """Worth of each session by recency and size, float32[S]."""
    starts: Offsets
    """Postings of item i are [starts[i], starts[i + 1])."""
    postings: Codes
    """Sessions of each item, newest first."""
    matched: Codes
    """Step of the item in the session of each posting."""
    match_weights: Values
    """What a match on an item says, float32[items]."""
    item_weights: Values
    """What being found says for an item, float32[items]."""

    @classmethod
    def fit(cls, interactions: Interactions, config: SessionsConfig) -> Self:
        """Index `interactions` (positive events only; what was taken back already left out)."""
        entries = _entries(interactions, config.largest_session)
        count = int(entries.session.max(initial=-1)) + 1
        n_items = len(interactions.items)
        offsets = np.searchsorted(entries.session, np.arange(count + 1)).astype(np.int64)
        held = np.bincount(entries.item, minlength=n_items)
        shares = _shares(entries, count)
        starts, order = _postings(entries, n_items, config.sessions_per_item, shares < 1)
        return cls(
            config,
            offsets,
            entries.item,
            entries.place,
            _recency(count, config.half_life) * _power(np.diff(offsets), -config.size_exponent) * shares,
            starts,
            entries.session[order],
            entries.place[order],
            _power(held, -config.match_exponent),
            _power(held, -config.item_exponent),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def save(self, folder: Path) -> None:
        """Write the parameters and the arrays."""
        save_json(folder, "config", self.config.model_dump(mode="json"))
        save_arrays(folder, **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        config = SessionsConfig.model_validate(load_json(folder, "config"))
        return cls(config, *(load_array(folder, name) for name in _ARRAYS))


class _Entries(NamedTuple):
    """Distinct (session, item) pairs by session, oldest first, then by time."""

    session: Codes
    item: Codes
    place: Codes
    user: Codes


def _entries(interactions: Interactions, largest: int) -> _Entries:
    session = _by_recency(interactions)
    order = np.lexsort((interactions.time, session))
    session, item, time = session[order], interactions.item[order], interactions.time[order]
    user = interactions.user[order]
    pairs = session.astype(np.int64) * max(len(interactions.items), 1) + item
    first = np.sort(np.unique(pairs, return_index=True)[1])
    session, item, time, user = session[first], item[first], time[first], user[first]
    ends = np.searchsorted(session, session, side="right")
    newest = ends - np.arange(len(session)) <= largest
    session, item, time, user = session[newest], item[newest], time[newest], user[newest]
    return _Entries(session, item, _places(session, time), user)


def _by_recency(interactions: Interactions) -> Codes:
    """The session of each row, numbered by the time of its newest event; equal times by session code."""
    codes, dense = np.unique(interactions.session, return_inverse=True)
    newest = np.full(len(codes), np.iinfo(np.int64).min)
    np.maximum.at(newest, dense, interactions.time)
    ranks = np.empty(len(codes), np.int32)
    ranks[np.argsort(newest, kind="stable")] = np.arange(len(codes), dtype=np.int32)
    return ranks[dense]


def _places(session: Codes, time: npt.NDArray[np.int64]) -> Codes:
    """Step of each sorted entry: distinct times counted from the start of its session."""
    changes = np.ones(len(session), np.bool_)
    changes[1:] = (session[1:] != session[:-1]) | (time[1:] != time[:-1])
    steps = np.cumsum(changes, dtype=np.int32)
    firsts = np.searchsorted(session, session, side="left")
    return steps - steps[firsts]


def _postings(
    entries: _Entries, n_items: int, most: int, far_too_busy: npt.NDArray[np.bool_]
) -> tuple[Offsets, npt.NDArray[np.int64]]:
    """Offsets by item, and the entries of each item, newest session first; few of a far too busy shopper."""
    order = np.lexsort((-entries.session, entries.user, entries.item))
    again = _run_places(entries.item[order], entries.user[order]) >= _OF_BUSY_SHOPPER
    order = order[~(again & far_too_busy[entries.session[order]])]
    order = order[np.lexsort((-entries.session[order], entries.item[order]))]
    order = order[_run_places(entries.item[order]) < most]
    return np.searchsorted(entries.item[order], np.arange(n_items + 1)).astype(np.int64), order


def _run_places(*columns: Codes) -> npt.NDArray[np.int64]:
    """How many rows of equal columns lie before each row, in sorted columns."""
    opens = np.ones(len(columns[0]), np.bool_)
    opens[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    rows = np.arange(len(opens))
    return rows - np.maximum.accumulate(np.where(opens, rows, 0))


def _shares(entries: _Entries, count: int) -> Values:
    """What each session counts: a shopper far busier than others weighs together what a busy one weighs."""
    _, place, sessions = np.unique(_shoppers(entries, count), return_inverse=True, return_counts=True)
    shares: Values = np.minimum(1.0, _busy(sessions) / np.maximum(sessions, 1))[place].astype(np.float32)
    return shares


def _shoppers(entries: _Entries, count: int) -> Codes:
    """Whose each session is."""
    return entries.user[np.searchsorted(entries.session, np.arange(count))]


def _busy(sessions: npt.NDArray[np.int64]) -> float:
    """How many sessions a shopper may have and still count in full."""
    return _BUSY_SHOPPER * float(np.quantile(sessions, _BUSY_QUANTILE)) if len(sessions) else 1.0


def _recency(count: int, half_life: float) -> Values:
    ages = np.arange(count)[::-1] / (max(count, 1) * half_life)
    return np.exp2(-ages).astype(np.float32)


def _power(counts: npt.NDArray[np.int64], exponent: float) -> Values:
    """Counts to a power; 0 counts as 1."""
    powers: Values = (np.maximum(counts, 1).astype(np.float64) ** exponent).astype(np.float32)
    return powers
