"""The online store: what serving reads and writes within a request, as small protocols over plain values.

MemoryOnlineStore (online_memory.py) is the specification, RedisOnlineStore (online_redis.py) the product;
one contract suite runs on both. Every method may raise UnavailableError, after which nothing of that call
was acknowledged. Times are ms since the epoch. `updated_at` decides between two writers: an older one
changes nothing (None is the oldest), the same content again is no change.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from recsys.types import NEGATIVE_TYPES, POSITIVE_TYPES, Consent, Event, EventType, Item, Scalar, User

__all__ = [
    "HISTORY_TYPES",
    "ITEM_CHANGES_KEPT_MS",
    "MAX_EVENTS_PER_CALL",
    "MAX_JOB_ATTEMPTS",
    "Backlog",
    "Company",
    "CompanyStore",
    "Deleted",
    "EventStore",
    "HistoryEntry",
    "IdentityStore",
    "ItemChange",
    "ItemStore",
    "Job",
    "JobState",
    "JobStatus",
    "JobStore",
    "OnlineStore",
    "PageStore",
    "Pointer",
    "ReleasePointer",
    "ShopperState",
    "StoredEvent",
    "UserChange",
    "UserStore",
    "Verdict",
    "Written",
]

# What a model can use; `order` says no more than its `purchase`, and test events never count.
HISTORY_TYPES: Final = POSITIVE_TYPES | NEGATIVE_TYPES | {EventType.RATING}
MAX_EVENTS_PER_CALL: Final = 500
ITEM_CHANGES_KEPT_MS: Final = 3_600_000
MAX_JOB_ATTEMPTS: Final = 3

HistoryEntry = tuple[str, int, int]
"""(item_id, code from EVENT_CODES, timestamp)"""
StoredEvent = tuple[str, str, int, int]
"""(event_id, item_id, code from EVENT_CODES, timestamp): one entry of a history to load."""


class Verdict(StrEnum):
    """What became of one posted event. A conflict is an id that was used for other content; it is not
    stored."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Written(StrEnum):
    """What became of one put: a stale one lost against a later `updated_at`, a skipped one was not wanted."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    STALE = "stale"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class ShopperState:
    """All that is known online about a shopper: at most `history_length` newest events, oldest first."""

    history: list[HistoryEntry] = field(default_factory=list)
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """An item or user that is no longer there, since `at`."""

    id: str
    at: int


ItemChange = Item | Deleted
UserChange = User | Deleted


@dataclass(frozen=True, slots=True)
class Backlog:
    """Acknowledged events that are not in the log yet; `oldest` is when the first of them arrived."""

    length: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which release is live, which one was before, since when."""

    release_id: str
    previous: str | None
    at: int


class JobState(StrEnum):
    """Life of a job; a running one whose worker died is queued again, at most MAX_JOB_ATTEMPTS times."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `attempt` counts from 1 and says whose claim an answer belongs to."""

    job_id: str
    verb: str
    arguments: Mapping[str, object]
    by: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a job has come to; `detail` is the result or the error."""

    job_id: str
    verb: str
    arguments: Mapping[str, object]
    by: str
    state: JobState
    attempt: int
    created_at: int
    updated_at: int
    detail: str = ""


class EventStore(Protocol):
    """Events in: durable when the call returns, in the shopper's history at once, drained by the worker."""

    def append_events(self, events: Sequence[Event]) -> list[Verdict]:
        """Store at most MAX_EVENTS_PER_CALL events; one verdict each, in order.

        The first event with an id wins for 7 days. Posting the same again after a lost answer is harmless:
        it is a duplicate, and it is in the log once.
        """

    def append_served(self, events: Sequence[Event]) -> bool:
        """Store what the server wrote itself, without idempotency; best effort: False when it could not."""

    def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        """History, attributes and consent in one round trip (two for a merged shopper)."""

    def load_histories(self, histories: Iterable[tuple[str, Sequence[StoredEvent]]]) -> int:
        """Add stored events to the shoppers' histories, in bulk; returns how many were given. Idempotent."""

    def read_stream(self, after: str, count: int, block_ms: int = 0) -> list[tuple[str, Event]]:
        """Events after the stream id `after` ("0" = from the start); waits up to `block_ms` for the first."""

    def trim_stream(self, upto: str) -> None:
        """Forget events up to and including the stream id `upto`, which are in the log now."""

    def backlog(self) -> Backlog:
        """How much the worker has still to write."""


class UserStore(Protocol):
    """Shoppers' attributes and consent. They do not expire: a refusal must not be forgotten."""

    def put_user(self, user: User) -> Written:
        """Replace what is stored."""

    def get_user(self, user_id: str) -> User | None:
        """The stored user, None when there is none."""

    def update_user(self, user_id: str, change: Callable[[User | None], User | None]) -> Written:
        """Replace by what `change` makes of the stored one, without losing a concurrent change; None skips.

        `change` may be called again when another writer came between.
        """

    def load_users(self, users: Iterable[User]) -> int:
        """Put many that are in the log already: no change is announced; returns how many were given."""

    def delete_user(self, user_id: str, at: int) -> bool:
        """Forget history, attributes and consent; False when nothing was there."""

    def read_user_changes(self, after: str, count: int) -> list[tuple[str, UserChange]]:
        """Changes after a stream id, for the worker."""

    def commit_user_changes(self, upto: str) -> None:
        """Forget changes up to `upto`, which are in the history files now."""


class ItemStore(Protocol):
    """The catalogue as of now, and a stream of its changes that every serving process follows."""

    def put_items(self, items: Sequence[Item]) -> list[Written]:
        """Replace items; one verdict each."""

    def update_items(
        self, item_ids: Sequence[str], change: Callable[[str, Item | None], Item | None]
    ) -> list[Written]:
        """Replace each by what `change(item_id, stored)` makes of it, losing no concurrent change; None
        skips."""

    def load_items(self, items: Iterable[Item]) -> int:
        """Put many that are in the history files already: no change is announced; returns how many were
        given."""

    def get_item(self, item_id: str) -> Item | None:
        """The stored item, None when there is none or it was deleted."""

    def get_items(self, item_ids: Sequence[str]) -> list[Item | None]:
        """Several at once, in order."""

    def delete_item(self, item_id: str, at: int) -> Written:
        """Replace by a tombstone; `skipped` when there was none."""

    def catalogue_snapshot(self, changed_after: int | None = None) -> tuple[str, Iterator[ItemChange]]:
        """A cursor for `catalogue_since`, and everything stored, tombstones too; an item may come twice.

        `changed_after` leaves out what a reader has already: documents whose `updated_at` is not later.
        """

    def catalogue_since(
        self, cursor: str, block_ms: int = 0, count: int = 1000
    ) -> tuple[str, list[ItemChange]] | None:
        """Changes after the cursor and the next one; None when the cursor is too old: take a new snapshot."""

    def read_item_changes(self, after: str, count: int) -> list[tuple[str, ItemChange]]:
        """Changes after a stream id, for the worker."""

    def item_changes_written(self) -> str:
        """The stream id up to which changes are in the history files; "0" at first."""

    def commit_item_changes(self, upto: str, now: int) -> None:
        """Remember that changes up to `upto` are written; forget those that are older than an hour, too."""


@dataclass(frozen=True, slots=True)
class Company:
    """Items that one shopper touched in one session beside a newborn, the latest first. It names no shopper."""

    item_id: str
    others: tuple[str, ...]


class CompanyStore(Protocol):
    """Whom newborns are met with: what places them until a release knows them. Best effort, the newest are kept."""

    def note_company(self, notes: Sequence[Company]) -> None:
        """Tell every serving process."""

    def company_since(self, after: str, count: int = 1000) -> tuple[str, list[Company]]:
        """Notes after a stream id ("0" = from the start), and the id to go on from."""


class IdentityStore(Protocol):
    """Which ids belong to one shopper. The database is the truth (identity.py); this is its online mirror.

    `from_id` may be a user's or a session's: both histories of a merged id count as the shopper's.
    """

    def merge(self, from_id: str, into_id: str, at: int) -> bool:
        """Read `from_id` together with `into_id` from now on; False when that was so.

        Raises InputError when `from_id` is merged into another one, or when the edge would close a circle.
        """

    def unmerge(self, from_id: str, into_id: str) -> bool:
        """Undo; False when there was no such edge."""

    def group(self, user_id: str) -> tuple[str, ...]:
        """All ids of this shopper, the one they were merged into first."""


class PageStore(Protocol):
    """What a "next page" needs, for a while."""

    def remember_page(self, recomm_id: str, payload: bytes, ttl_s: int = 1800) -> None:
        """Keep the payload for `ttl_s` seconds."""

    def recall_page(self, recomm_id: str) -> bytes | None:
        """The payload, None when it is unknown or expired."""


class ReleasePointer(Protocol):
    """The truth of what is live."""

    def live_release(self) -> Pointer | None:
        """The live release; None before the first one."""

    def set_live_release(self, release_id: str, at: int) -> Pointer:
        """Make it live; `previous` becomes the one before (the same id again changes nothing)."""


class JobStore(Protocol):
    """Work for the training side, claimed at least once."""

    def push_job(self, verb: str, arguments: Mapping[str, object], by: str) -> str:
        """Queue a job; returns its id."""

    def claim_job(self, visibility_s: float = 60.0) -> Job | None:
        """The oldest free job; free again when nobody extends or finishes it within `visibility_s`."""

    def extend_job(self, job: Job, visibility_s: float = 60.0) -> bool:
        """Keep the claim; False when it was lost."""

    def finish_job(self, job: Job, state: JobState, detail: str = "") -> bool:
        """Record done or failed; False when the claim was lost and the job is another's."""

    def job_status(self, job_id: str) -> JobStatus | None:
        """The state of a job, kept for 7 days."""


class OnlineStore(
    EventStore,
    UserStore,
    ItemStore,
    CompanyStore,
    IdentityStore,
    PageStore,
    ReleasePointer,
    JobStore,
    Protocol,
):
    """Everything the product keeps online."""
