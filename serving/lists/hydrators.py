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

    def __init__(self, store: ShopperStates, breaker: Breaker | None = None) -> None:
        self._store = store
        self._breaker = breaker or Breaker()

    def read(self, user_id: str | None, session_id: str | None, wish: Personalization) -> Shopper:
        """The shopper behind these ids, as far as `wish` and the stored consent allow."""
        if wish == "none" or (user_id is None and session_id is None):
            return Shopper(personalization=wish)
        if self._breaker.open:
            return Shopper(personalization=wish, away=True)
        try:
            return self._breaker.read(lambda: self._read(user_id, session_id, wish))
        except UnavailableError:
            return Shopper(personalization=wish, away=True)

    def _read(self, user_id: str | None, session_id: str | None, wish: Personalization) -> Shopper:
        state = self._store.shopper(user_id, session_id)
        if not state.consent.personalize:
            return Shopper(personalization="none", read=True)
        if wish == "session":
            # The consent is the user's, the events are the session's alone.
            alone = self._store.shopper(None, session_id) if user_id and session_id else state
            history = alone.history if session_id else []
            return Shopper(history=history, personalization=wish, read=True)
        return Shopper(history=state.history, attributes=state.attributes, personalization=wish, read=True)
