"""Which seen item an event is owed to: the last time its shopper saw that item, within the window of the event's type.

Invariants: an event is owed to one seeing at most, so a purchase counts once; an event that cites a list is owed to
that list or to nothing; nothing is owed to what was seen after it. Times are ms, codes -1 where unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.standing import standing_purchases
from recsys.types import EVENT_CODES, EventType

__all__ = ["Happened", "owed", "standing"]

Codes = npt.NDArray[np.int64]
Times = npt.NDArray[np.int64]

_BACK = [EVENT_CODES[EventType.CANCEL], EVENT_CODES[EventType.RETURN]]


@dataclass(frozen=True)
class Happened:
    """Rows of one kind, seen items or later events; all columns int64[n]."""

    user: Codes
    session: Codes
    item: Codes
    listing: Codes
    """The list it cites."""
    kind: Codes
    """Event code."""
    time: Times

    def __len__(self) -> int:
        return len(self.item)

    def where(self, rows: npt.NDArray[np.bool_] | Codes) -> "Happened":
        """Some rows."""
        columns = (self.user, self.session, self.item, self.listing, self.kind, self.time)
        return Happened(*(column[rows] for column in columns))


def owed(seen: Happened, events: Happened, windows: Mapping[int, int]) -> Codes:
    """Row of `seen` that each event is owed to, int64[events]; -1 for none. `windows[event code]` in ms."""
    items = 1 + max(int(seen.item.max(initial=0)), int(events.item.max(initial=0)))
    cites = events.listing >= 0
    by_user = _latest(seen, events, (seen.user, events.user), items)
    by_session = _latest(seen, events, (seen.session, events.session), items)
    by_list = _latest(seen, events, (seen.listing, events.listing), items)
    found = np.where(cites, by_list, _later(by_user, by_session, seen.time))
    hit = found >= 0
    rows = found[hit]
    same = _same(seen.user[rows], events.user[hit]) | _same(seen.session[rows], events.session[hit])
    longest = np.array([windows.get(kind, -1) for kind in events.kind[hit].tolist()], np.int64)
    hit[hit] = same & (events.time[hit] - seen.time[rows] <= longest)
    return np.where(hit, found, -1)


def standing(events: Happened) -> npt.NDArray[np.bool_]:
    """Which rows still say something: no cancels and returns, no purchases that one of them took back later."""
    order = np.argsort(events.time, kind="stable")
    # A session of nobody has no code in common with a user.
    shopper = np.where(events.user >= 0, 2 * events.user, 2 * events.session + 1)
    keys = shopper * (1 + int(events.item.max(initial=0))) + events.item
    stands = np.empty(len(events), np.bool_)
    stands[order] = standing_purchases(keys[order], events.kind[order].astype(np.int8))
    bought = events.kind == EVENT_CODES[EventType.PURCHASE]
    return np.where(bought, stands, ~np.isin(events.kind, _BACK))


def _latest(seen: Happened, events: Happened, keys: tuple[Codes, Codes], items: int) -> Codes:
    """Per event the last row of `seen` with the same key and item that is not later; -1 for none."""
    both = np.concatenate(keys)
    item = np.concatenate((seen.item, events.item))
    known = np.flatnonzero((both >= 0) & (item >= 0))
    time = np.concatenate((seen.time, events.time))
    is_event = np.arange(len(both)) >= len(seen)
    pair = both * items + item
    order = known[np.lexsort((is_event[known], time[known], pair[known]))]
    # The place of the last seeing so far; a pair's own rows begin at `start`, what lies before is another pair's.
    places = np.arange(len(order))
    last = np.maximum.accumulate(np.where(is_event[order], -1, places))
    new = np.ones(len(order), np.bool_)
    new[1:] = pair[order][1:] != pair[order][:-1]
    start = np.maximum.accumulate(np.where(new, places, 0))
    found = np.full(len(both), -1, np.int64)
    good = last >= start
    found[order[good]] = order[last[good]]
    return found[len(seen) :]


def _later(one: Codes, other: Codes, time: Times) -> Codes:
    """Of two rows the one with the later time; -1 gives way."""
    times = np.append(time, np.iinfo(np.int64).min)
    return np.where(times[one] >= times[other], one, other)


def _same(one: Codes, other: Codes) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = (one >= 0) & (one == other)
    return flags
