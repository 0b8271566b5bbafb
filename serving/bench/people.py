"""Who asks: shoppers and sessions whose events are past sessions of the release, so that they look like its own.

A history is a walk over the release's sessions: one at random, then another that held one of the items met so far, and
so on. Deterministic for one release, number of people and seed, but for the moment everything is dated back from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from feature_store.online.contract import OnlineStore
from recsys.models.sessions import Sessions
from recsys.types import EVENT_CODES, Event, EventType, User
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

__all__ = ["People", "Person", "draw_people", "store_people"]

_MINUTE: Final = 60_000
_MEDIAN_HISTORY: Final = 18
_SPREAD: Final = 0.9
"""Of the logarithm of a history's length."""
_LONGEST: Final = 300
_VISIT: Final = 5
"""Events of a visit so far, on average."""
_KINDS: Final = (EventType.VIEW, EventType.VIEW, EventType.VIEW, EventType.CART, EventType.PURCHASE)
_AGES: Final = ("18+", "28+", "38+", "48+", "58+")
_LEVELS: Final = ("普通", "黄金", "钻石")


@dataclass(frozen=True)
class Person:
    """A shopper or a session."""

    name: str
    items: tuple[int, ...]
    """Item codes, oldest first."""
    kinds: tuple[EventType, ...]
    times: tuple[int, ...]
    """Ms since epoch."""


@dataclass(frozen=True)
class People:
    """Who is known to the online store, and who brings the events along."""

    shoppers: tuple[Person, ...]
    sessions: tuple[Person, ...]
    """Posted their events."""
    visitors: tuple[Person, ...]
    """Send their events with each request."""


def draw_people(release: Path, shoppers: int, sessions: int, now: int, seed: int = 0) -> People:
    """So many shoppers, and so many sessions of either sort, as of `now` (ms)."""
    past, generator = Sessions.load(release / "sessions"), np.random.default_rng(seed)

    def history(name: str, length: int, pause_ms: int) -> Person:
        return _person(name, _walk(past, length, generator), pause_ms, now, generator)

    def visits(kind: str) -> tuple[Person, ...]:
        lengths = 1 + generator.poisson(_VISIT - 1, sessions)
        return tuple(history(f"{kind}-{n}", int(length), _MINUTE) for n, length in enumerate(lengths))

    lengths = np.exp(np.log(_MEDIAN_HISTORY) + _SPREAD * generator.standard_normal(shoppers))
    known = tuple(
        history(f"shopper-{n}", int(length), 2 * DAY_MS)
        for n, length in enumerate(np.clip(lengths, 1, _LONGEST))
    )
    return People(known, visits("session"), visits("visitor"))


def store_people(people: People, online: OnlineStore, vocabulary: Vocabulary) -> None:
    """Write histories and attributes of the shoppers and the events of the sessions, as intake would have."""
    online.load_histories(
        (
            person.name,
            [
                (f"{person.name}:{place}", item, EVENT_CODES[kind], time)
                for place, (item, kind, time) in enumerate(_rows(person, vocabulary))
            ],
        )
        for person in people.shoppers
    )
    online.load_users(
        User(
            user_id=person.name,
            attributes={"age_band": _AGES[n % len(_AGES)], "会员等级": _LEVELS[n % len(_LEVELS)]},
        )
        for n, person in enumerate(people.shoppers)
    )
    for person in people.sessions:
        online.append_events(
            [
                Event(
                    event_id=f"{person.name}:{place}",
                    type=kind,
                    timestamp=time,
                    session_id=person.name,
                    item_id=item,
                )
                for place, (item, kind, time) in enumerate(_rows(person, vocabulary))
            ]
        )


def _rows(person: Person, vocabulary: Vocabulary) -> Iterator[tuple[str, EventType, int]]:
    return zip(vocabulary.decode(person.items), person.kinds, person.times, strict=True)


def _walk(past: Sessions, length: int, generator: np.random.Generator) -> list[list[int]]:
    """Item codes of sessions that hang together, `length` in all."""
    visits: list[list[int]] = []
    session, left = int(generator.integers(len(past))), length
    while left > 0:
        items = past.items[past.offsets[session] : past.offsets[session + 1]][:left].tolist()
        visits.append(items)
        left -= len(items)
        met = visits[int(generator.integers(len(visits)))]
        item = met[int(generator.integers(len(met)))]
        start, end = int(past.starts[item]), int(past.starts[item + 1])
        # An item whose sessions are all forgotten leads nowhere: begin again elsewhere.
        session = int(
            past.postings[generator.integers(start, end)] if end > start else generator.integers(len(past))
        )
    return visits


def _person(
    name: str, visits: list[list[int]], pause_ms: int, now: int, generator: np.random.Generator
) -> Person:
    """Visits one after another up to some minutes or days ago, an event a minute."""
    items = [item for visit in visits for item in visit]
    kinds = tuple(_KINDS[place] for place in generator.integers(0, len(_KINDS), len(items)).tolist())
    moment, times = now - int(generator.integers(1, 30)) * _MINUTE, []
    for visit in reversed(visits):
        times += [moment - step * _MINUTE for step in range(len(visit))]
        moment = times[-1] - int(generator.exponential(pause_ms)) - _MINUTE
    return Person(name, tuple(items), kinds, tuple(reversed(times)))
