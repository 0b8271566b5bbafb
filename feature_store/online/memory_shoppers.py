"""Events, histories, users and merges in memory: what the Redis parts of the same names must do."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

from feature_store.online.codec import (
    belongs_in_history,
    content_digest,
    decode_history,
    event_member,
    history_member,
    union_histories,
)
from feature_store.online.contract import (
    MAX_EVENTS_PER_CALL,
    Backlog,
    Deleted,
    ShopperState,
    StoredEvent,
    UserChange,
    Verdict,
    Written,
)
from feature_store.online.memory_stream import Clock, MemoryPart, MemoryStream
from feature_store.online.merged_user import joined_user
from feature_store.online.stream_ids import order_of
from recsys.errors import InputError
from recsys.types import Event, User

__all__ = ["MemoryShoppers"]

_IDEMPOTENCY_MS: Final = 7 * 86_400_000
_History = dict[bytes, int]


class MemoryShoppers(MemoryPart):
    """EventStore, UserStore and IdentityStore in memory."""

    def __init__(self, clock: Clock, history_length: int) -> None:
        super().__init__(clock, history_length)
        self._stream: MemoryStream[Event] = MemoryStream(clock)
        self._user_changes: MemoryStream[UserChange] = MemoryStream(clock)
        self._seen: dict[str, tuple[bytes, int]] = {}
        self._histories: dict[tuple[str, str], _History] = {}
        self._users: dict[str, User] = {}
        self._into: dict[str, tuple[str, int]] = {}

    def append_events(self, events: Sequence[Event]) -> list[Verdict]:
        """See EventStore."""
        if len(events) > MAX_EVENTS_PER_CALL:
            raise InputError(f"{len(events)} events in one call; send at most {MAX_EVENTS_PER_CALL}")
        with self._changed:
            verdicts = [self._append(event) for event in events]
            self._changed.notify_all()
        return verdicts

    def _append(self, event: Event) -> Verdict:
        digest = content_digest(event)
        held, until = self._seen.get(event.event_id, (b"", 0))
        known = until > self._clock()
        if known and held != digest:
            return Verdict.CONFLICT
        if not known:
            self._seen[event.event_id] = (digest, self._clock() + _IDEMPOTENCY_MS)
            self._stream.append(event)
        if belongs_in_history(event):
            for kind, owner in (("u", event.user_id), ("s", event.session_id)):
                if owner is not None:
                    self._remember((kind, owner), {event_member(event): event.timestamp})
        return Verdict.DUPLICATE if known else Verdict.ACCEPTED

    def _remember(self, owner: tuple[str, str], members: _History) -> None:
        history = self._histories.get(owner, {}) | members
        newest = sorted(history, key=lambda member: (history[member], member))[-self._history_length :]
        self._histories[owner] = {member: history[member] for member in newest}

    def append_served(self, events: Sequence[Event]) -> bool:
        """See EventStore."""
        with self._changed:
            for event in events:
                self._stream.append(event)
            self._changed.notify_all()
        return True

    def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        """See EventStore."""
        ids = () if user_id is None else self.group(user_id)
        owners = [*(("u", member) for member in ids), *(("s", member) for member in ids[1:])]
        if session_id is not None:
            owners.append(("s", session_id))
        histories = [list(self._histories.get(owner, ())) for owner in owners]
        user = joined_user([self._users[member] for member in ids if member in self._users])
        history = decode_history(union_histories(histories or [[]], self._history_length))
        return ShopperState(history, user.attributes, user.consent, len(ids) > 1)

    def load_histories(self, histories: Iterable[tuple[str, Sequence[StoredEvent]]]) -> int:
        """See EventStore."""
        loaded = 0
        for user_id, events in histories:
            members = {history_member(*event): event[-1] for event in events}
            with self._changed:
                self._remember(("u", user_id), members)
            loaded += len(events)
        return loaded

    def read_stream(self, after: str, count: int, block_ms: int = 0) -> list[tuple[str, Event]]:
        """See EventStore."""
        with self._changed:
            self._wait_for(lambda: bool(self._stream.after(after, 1)), block_ms)
            return self._stream.after(after, count)

    def trim_stream(self, upto: str) -> None:
        """See EventStore."""
        with self._changed:
            self._stream.trim(order_of(upto))

    def backlog(self) -> Backlog:
        """See EventStore."""
        first = self._stream.first()
        return Backlog(len(self._stream), first[0] if first else None)

    def put_user(self, user: User) -> Written:
        """See UserStore."""
        with self._changed:
            self._user_changes.append(user)
            return self._store_user(user)

    def _store_user(self, user: User) -> Written:
        held = self._users.get(user.user_id)
        if held == user:
            return Written.UNCHANGED
        if held is not None and (held.updated_at or 0) > (user.updated_at or 0):
            return Written.STALE
        self._users[user.user_id] = user
        return Written.WRITTEN

    def get_user(self, user_id: str) -> User | None:
        """See UserStore."""
        return self._users.get(user_id)

    def update_user(self, user_id: str, change: Callable[[User | None], User | None]) -> Written:
        """See UserStore."""
        with self._changed:
            changed = change(self._users.get(user_id))
            if changed is None:
                return Written.SKIPPED
            written = self._store_user(changed)
            if written is not Written.STALE:
                self._user_changes.append(changed)
            return written

    def load_users(self, users: Iterable[User]) -> int:
        """See UserStore."""
        loaded = 0
        for loaded, user in enumerate(users, start=1):  # noqa: B007
            with self._changed:
                self._store_user(user)
        return loaded

    def delete_user(self, user_id: str, at: int) -> bool:
        """See UserStore."""
        with self._changed:
            self._user_changes.append(Deleted(user_id, at))
            held = (self._users.pop(user_id, None), self._histories.pop(("u", user_id), None))
            return any(part is not None for part in held)

    def read_user_changes(self, after: str, count: int) -> list[tuple[str, UserChange]]:
        """See UserStore."""
        return self._user_changes.after(after, count)

    def commit_user_changes(self, upto: str) -> None:
        """See UserStore."""
        with self._changed:
            self._user_changes.trim(order_of(upto))

    def merge(self, from_id: str, into_id: str, at: int) -> bool:
        """See IdentityStore."""
        with self._changed:
            if from_id in self._into:
                parent = self._into[from_id][0]
                if parent != into_id:
                    raise InputError(f"{from_id!r} is merged into {parent!r}; unmerge it first")
                return False
            if into_id in self._below(from_id):
                raise InputError(
                    f"{into_id!r} is part of {from_id!r}; merging them again would close a circle"
                )
            self._into[from_id] = (into_id, at)
            return True

    def unmerge(self, from_id: str, into_id: str) -> bool:
        """See IdentityStore."""
        with self._changed:
            if self._into.get(from_id, ("", 0))[0] != into_id:
                return False
            del self._into[from_id]
            return True

    def group(self, user_id: str) -> tuple[str, ...]:
        """See IdentityStore."""
        root = user_id
        while root in self._into:
            root = self._into[root][0]
        return tuple(self._below(root))

    def _below(self, root: str) -> list[str]:
        merged = [child for child, (parent, _) in self._into.items() if parent == root]
        return [root, *chain.from_iterable(map(self._below, merged))]
