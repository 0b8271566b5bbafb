"""Places newborns by their first events: which other items their first shoppers touched in the same session.

The process that takes an event of a newborn notes its company in the online store, and every process reads these notes
and moves the newborn in each loaded release. Best effort and beside all requests; what is noted names items, never a
shopper, and only who agreed to training counts. Invariant: a shopper counts once for a newborn, as long as this process
remembers.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from feature_store.online.contract import Company, HistoryEntry, ShopperState, Verdict
from recsys.errors import UnavailableError
from recsys.live_items import LiveItems
from recsys.types import EVENT_CODES, POSITIVE_TYPES, Event
from serving.live.releases import Releases

__all__ = ["FirstEvents"]

_PAUSE_S: Final = 0.5
_SESSION_MS: Final = 30 * 60_000
_MOST_OTHERS: Final = 10
_MOST_WAITING: Final = 1_000
_MOST_REMEMBERED: Final = 20_000
_TRIES: Final = 20
_POSITIVE: Final = frozenset(EVENT_CODES[kind] for kind in POSITIVE_TYPES)
_log: Final = structlog.get_logger(__name__)


class Store(Protocol):
    """What this needs of the online store."""

    def append_events(self, events: Sequence[Event]) -> list[Verdict]: ...

    def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState: ...

    def note_company(self, notes: Sequence[Company]) -> None: ...

    def company_since(self, after: str, count: int = 1000) -> tuple[str, list[Company]]: ...


class FirstEvents:
    """An event sink that notices newborns; `run` belongs into a thread of its own."""

    def __init__(self, store: Store, releases: Releases) -> None:
        self._store = store
        self._releases = releases
        self._noticed: deque[Event] = deque(maxlen=_MOST_WAITING)
        self._counted: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._followed: dict[int, _Reader] = {}

    def append_events(self, events: Sequence[Event]) -> list[Verdict]:
        """See EventStore; accepted events of newborns are looked at afterwards."""
        verdicts = self._store.append_events(events)
        loaded = self._releases.loaded
        if loaded and loaded[0].pipeline.live.born:
            catalogue = loaded[0].pipeline.catalogue
            self._noticed.extend(
                event
                for event, verdict in zip(events, verdicts, strict=True)
                if verdict is Verdict.ACCEPTED
                and event.type in POSITIVE_TYPES
                and event.item_id is not None
                and catalogue.vocabulary.code(event.item_id) >= catalogue.released
            )
        return verdicts

    def run(self, stop: threading.Event) -> None:
        """Note and follow until `stop`."""
        while not stop.wait(_PAUSE_S):
            try:
                self.step()
            except UnavailableError:
                stop.wait(1.0)
            except Exception:
                _log.exception("first_events_failed")
                stop.wait(5.0)

    def step(self) -> None:
        """Note what was noticed, then read what everybody noted.

        Raises:
            UnavailableError: the store is away.
        """
        notes = []
        while self._noticed:
            note = self._company(self._noticed.popleft())
            if note is not None:
                notes.append(note)
        self._store.note_company(notes)
        loaded = [release.pipeline.live for release in self._releases.loaded]
        self._followed = {id(live): self._followed.get(id(live)) or _Reader(live) for live in loaded}
        for reader in self._followed.values():
            reader.read(self._store)

    def _company(self, event: Event) -> Company | None:
        item_id, who = event.item_id, event.user_id or event.session_id
        if item_id is None or who is None or (who, item_id) in self._counted:
            return None
        state = self._store.shopper(event.user_id, event.session_id)
        others = _others(state.history, item_id, event.timestamp)
        if not others or not state.consent.train:
            return None  # the next event of this shopper may have company
        self._counted[who, item_id] = None
        if len(self._counted) > _MOST_REMEMBERED:
            self._counted.popitem(last=False)
        return Company(item_id, others)


class _Reader:
    """Where one release stands in the notes, and those whose newborn it does not know yet."""

    def __init__(self, live: LiveItems) -> None:
        self._live = live
        self._place = "0"
        self._early: deque[tuple[Company, int]] = deque(maxlen=_MOST_WAITING)

    def read(self, store: Store) -> None:
        early = [self._early.popleft() for _ in range(len(self._early))]
        for note, tries in early:
            self._meet(note, tries)
        while True:
            self._place, notes = store.company_since(self._place)
            if not notes:
                return
            for note in notes:
                self._meet(note, 0)

    def _meet(self, note: Company, tries: int) -> None:
        if note.item_id in self._live.vocabulary:
            self._live.meet(note.item_id, note.others)
        elif tries < _TRIES:
            self._early.append((note, tries + 1))


def _others(history: Sequence[HistoryEntry], item_id: str, at: int) -> tuple[str, ...]:
    """The latest other items that were touched within half an hour, the latest first."""
    near = [
        other
        for other, kind, time in reversed(history)
        if kind in _POSITIVE and other != item_id and abs(at - time) <= _SESSION_MS
    ]
    return tuple(dict.fromkeys(near))[:_MOST_OTHERS]
