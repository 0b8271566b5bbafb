"""Events in, and what the server itself says about a list.

Invariants: every row gets its own verdict; when `take` returns, the accepted rows are durable and the next list of
that shopper knows them; a `served` event is one per answer and says everything a ranker or an evaluation needs later.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from feature_store.online.contract import Verdict
from feature_store.records.events import validate_row
from feature_store.records.fields import Rejection
from recsys.types import Event, EventType
from serving.lists.listings import Ask, Listing, Placed
from serving.lists.logged import detail_of
from serving.observability import Metrics
from serving.times import now_ms

__all__ = ["EventIntake", "EventSink", "RejectedRow", "Taken", "served_event"]

_DETERMINISTIC: Final = 1.0


class EventSink(Protocol):
    """Where events are made durable."""

    def append_events(self, events: Sequence[Event]) -> list[Verdict]:
        """One verdict per event; UnavailableError when nothing was acknowledged."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not taken, by its place in the call."""

    index: int
    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call."""

    accepted: int
    duplicates: int
    rejected: tuple[RejectedRow, ...]


class EventIntake:
    """Judges rows and stores the good ones."""

    def __init__(self, store: EventSink, metrics: Metrics, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock

    def take(self, rows: Sequence[Mapping[str, object]], admit: Callable[[Event], None]) -> Taken:
        """Store up to 500 rows (`MAX_EVENTS_PER_CALL`); `admit` may refuse the whole call for what one event says.

        Raises:
            Forbidden: from `admit`; nothing is stored then.
            UnavailableError: nothing was acknowledged; the same call may be repeated.
        """
        now = self._clock()
        judged = [(index, validate_row(row, now)) for index, row in enumerate(rows)]
        good = [
            (index, replace(event, received_at=now)) for index, event in judged if isinstance(event, Event)
        ]
        for _, event in good:
            admit(event)
        verdicts = self._store.append_events([event for _, event in good]) if good else []
        known = self._clock()
        self._metrics.event_delays(
            max(0, known - event.timestamp)
            for (_, event), verdict in zip(good, verdicts, strict=True)
            if verdict is Verdict.ACCEPTED
        )
        rejected = [_rejected(index, row) for index, row in judged if isinstance(row, Rejection)]
        rejected += [
            _conflict(index, event)
            for (index, event), verdict in zip(good, verdicts, strict=True)
            if verdict is Verdict.CONFLICT
        ]
        return self._counted(Counter(verdicts), sorted(rejected, key=lambda row: row.index))

    def _counted(self, verdicts: Counter[Verdict], rejected: Sequence[RejectedRow]) -> Taken:
        taken = Taken(verdicts[Verdict.ACCEPTED], verdicts[Verdict.DUPLICATE], tuple(rejected))
        counts = {"accepted": taken.accepted, "duplicate": taken.duplicates, "rejected": len(rejected)}
        self._metrics.events({verdict: count for verdict, count in counts.items() if count})
        return taken


def _rejected(index: int, why: Rejection) -> RejectedRow:
    return RejectedRow(index, why.code, why.message, why.field)


def _conflict(index: int, event: Event) -> RejectedRow:
    message = f"event_id {event.event_id!r} was used for other content; give every event an id of its own"
    return RejectedRow(index, "conflict", message, "event_id")


def served_event(listing: Listing) -> Event:
    """What was shown: one event per answer, a page of several shelves included."""
    ask = listing.ask
    detail: dict[str, object] = {
        "items": [_shown(placed) for placed in listing.items],
        "not_shown": [listing.release.pipeline.vocabulary[code] for code in listing.not_shown],
        "release_id": listing.release.release_id,
        "arm": None,
        "rules_version": None,
        "state": listing.state_digest,
        "fallback_used": listing.fallback_used,
        "degraded": list(listing.degraded),
        "features": detail_of(listing.logged),
    }
    return Event(
        event_id=listing.recomm_id,
        type=EventType.SERVED,
        timestamp=listing.at,
        received_at=listing.at,
        user_id=ask.user_id,
        session_id=_session(ask, listing),
        recomm_id=listing.recomm_id,
        slot=ask.slot,
        channel=ask.of_context("channel"),
        context=ask.context,
        detail=detail,
    )


def _session(ask: Ask, listing: Listing) -> str | None:
    """A list for nobody in particular is a session of its own, since every event has a shopper."""
    return ask.session_id or (listing.recomm_id if ask.user_id is None else None)


def _shown(placed: Placed) -> dict[str, object]:
    return {
        "item_id": placed.item_id,
        "sku": placed.shown.sku,
        "score": placed.score,
        "position": placed.position,
        "propensity": _DETERMINISTIC,
        "reason": placed.because.code,
    }
