"""What a request knows of its shopper: one read of the online store, or nothing while the store is away.

Invariants: a shopper who refused personalisation has neither history nor attributes here, whatever was asked; the
store being away is a state to answer with, never an error; once it is away nobody waits for it until it is back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from feature_store.online.contract import HistoryEntry, ShopperState
from recsys.errors import UnavailableError
from recsys.types import Scalar
from serving.lists.breaker import Breaker

__all__ = ["Personalization", "Shopper", "ShopperHydrator", "ShopperStates"]

Personalization = Literal["full", "session", "none"]


class ShopperStates(Protocol):
    """Where shoppers are read from."""

    def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        """What is stored; UnavailableError while the store is away."""


class SoonStates(Protocol):
    """Where an event loop reads them from."""

    async def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        """What is stored; UnavailableError while the store is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """One shopper as a list may use it."""

    history: list[HistoryEntry] = field(default_factory=list)
    """Stored events, oldest first."""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    personalization: Personalization = "full"
    """What is left of the wish after consent."""
    read: bool = False
    """Whether the store was read."""
    away: bool = False
    """Whether it should have been and could not."""


class ShopperHydrator:
    """Reads shoppers; one round trip each (one more for `session` with a known user)."""

    def __init__(
        self, store: ShopperStates, breaker: Breaker | None = None, soon: SoonStates | None = None
    ) -> None:
        """`soon` reads the same store for `read_soon`; without it that waits for `store`."""
        self._store = store
        self._soon = soon or _Waiting(store)
        self._breaker = breaker or Breaker()

    def read(self, user_id: str | None, session_id: str | None, wish: Personalization) -> Shopper:
        """The shopper behind these ids, as far as `wish` and the stored consent allow."""
        known = self._unread(user_id, session_id, wish)
        if known is not None:
            return known
        try:
            state = self._breaker.read(lambda: self._store.shopper(user_id, session_id))
            if not _wants_session_alone(state, user_id, session_id, wish):
                return _allowed(state, session_id, wish)
            return _allowed(
                self._breaker.read(lambda: self._store.shopper(None, session_id)), session_id, wish
            )
        except UnavailableError:
            return Shopper(personalization=wish, away=True)

    async def read_soon(self, user_id: str | None, session_id: str | None, wish: Personalization) -> Shopper:
        """As `read`, for an event loop that has other things to do meanwhile."""
        known = self._unread(user_id, session_id, wish)
        if known is not None:
            return known
        try:
            state = await self._soon.shopper(user_id, session_id)
            if not _wants_session_alone(state, user_id, session_id, wish):
                return _allowed(state, session_id, wish)
            return _allowed(await self._soon.shopper(None, session_id), session_id, wish)
        except UnavailableError as error:
            self._breaker.trip(lambda: self._store.shopper(user_id, session_id), str(error))
            return Shopper(personalization=wish, away=True)

    def _unread(self, user_id: str | None, session_id: str | None, wish: Personalization) -> Shopper | None:
        """The shopper where there is nothing to read, or no way to."""
        if wish == "none" or (user_id is None and session_id is None):
            return Shopper(personalization=wish)
        return Shopper(personalization=wish, away=True) if self._breaker.open else None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Reads that hold up the loop for as long as they take."""

    store: ShopperStates

    async def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        return self.store.shopper(user_id, session_id)


def _wants_session_alone(
    state: ShopperState, user_id: str | None, session_id: str | None, wish: Personalization
) -> bool:
    """Whether a second look is due: the consent is the user's, but the events to use are the session's alone."""
    return bool(wish == "session" and user_id and session_id and state.consent.personalize)


def _allowed(state: ShopperState, session_id: str | None, wish: Personalization) -> Shopper:
    if not state.consent.personalize:
        return Shopper(personalization="none", read=True)
    if wish == "session":
        return Shopper(history=state.history if session_id else [], personalization=wish, read=True)
    return Shopper(history=state.history, attributes=state.attributes, personalization=wish, read=True)
