"""What the service is asked and what it answers, as plain frozen values without wire names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from feature_store.online.contract import HistoryEntry
from recsys.expressions import Expression, parse
from recsys.types import Scalar
from serving.lists.hydrators import Personalization
from serving.lists.logged import Logged
from serving.live.releases import LoadedRelease

__all__ = ["Ask", "Because", "Listing", "Placed", "Shown", "SourceTrace", "parsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One list that is wanted. Plain values only, so that it can be kept for its next page."""

    user_id: str | None = None
    session_id: str | None = None
    slot: str = "home"
    item_ids: tuple[str, ...] = ()
    events: tuple[HistoryEntry, ...] = ()
    num: int = 20
    language: str | None = None
    filter: str | None = None
    boosts: tuple[tuple[str, float], ...] = ()
    exclude_ids: tuple[str, ...] = ()
    context: Mapping[str, Scalar] = field(default_factory=dict)
    diversity: float = 0.0
    fields: tuple[str, ...] | None = None
    """Attributes to tell: None none, () the usual ones."""
    explain: bool = False
    why_not: str | None = None
    personalization: Personalization = "full"
    max_staleness_s: float | None = None
    dry_run: bool = False
    seed: int | None = None

    def of_context(self, name: str) -> str | None:
        """A text of the context."""
        value = self.context.get(name)
        return value if isinstance(value, str) else None


@dataclass(slots=True, eq=False)
class Shown:
    """An item as callers see it who see items alike; one object for all lists until the item changes."""

    item_id: str
    sku: str | None
    attributes: Mapping[str, object]
    wire: bytes | None = None
    """Kept here by who writes answers, in his own words."""


@dataclass(slots=True, eq=False)
class Because:
    """Why an item is in a list, in words; one object for all lists."""

    code: str
    text: str
    source_item_id: str | None = None
    wire: bytes | None = None
    """As in `Shown`."""


class Placed(NamedTuple):
    """One item of a list; `position` counts from 1. A tuple: there are twenty of them in every answer."""

    shown: Shown
    score: float
    position: int
    because: Because
    trace: Mapping[str, object] | None = None

    @property
    def item_id(self) -> str:
        """Of the item."""
        return self.shown.item_id


class SourceTrace(NamedTuple):
    """What one source did for a list; `search` and `share` where it searches vectors."""

    proposed: int
    search: str | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list, made at `at` (ms) from one release."""

    recomm_id: str
    ask: Ask
    at: int
    release: LoadedRelease
    items: tuple[Placed, ...]
    fallback_used: str | None = None
    degraded: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    events_lag_ms: int | None = None
    why_not: Mapping[str, object] | None = None
    sources: Mapping[str, SourceTrace] | None = None
    """Only where an explanation was asked for."""
    state_digest: str = ""
    """Of what was known about the shopper."""
    not_shown: tuple[int, ...] = ()
    """Codes of the best candidates behind the list."""
    logged: Logged | None = None
    """Features as they were, of lists that were drawn for it."""


@lru_cache(maxsize=512)
def parsed(text: str) -> Expression:
    """The tree of a filter; the same few come with every request. Raises ExpressionError."""
    return parse(text)
