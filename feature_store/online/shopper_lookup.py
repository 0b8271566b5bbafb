"""What is read of a shopper, as commands and what their answers mean; whoever asks does the talking.

A generator yields the commands of a round trip and is sent their answers; it returns the state. A shopper who was
never merged takes one round trip, a merged one a second, since the ids of his group are known after the first.
"""

from collections.abc import Generator, Sequence
from typing import Any

from feature_store.online.codec import decode_history, decode_user, union_histories
from feature_store.online.contract import HistoryEntry, ShopperState
from feature_store.online.keyspace import Keys
from feature_store.online.merged_user import joined_user
from recsys.types import User

__all__ = ["Command", "Lookup", "shopper_lookup", "step", "user_in"]

Command = tuple[str | int, ...]
Lookup = Generator[list[Command], Sequence[Any], ShopperState]


def shopper_lookup(keys: Keys, limit: int, user_id: str | None, session_id: str | None) -> Lookup:
    """Look up the shopper behind these ids, `limit` newest events of him."""
    of_session = [] if session_id is None else [_history(keys.session_history(session_id), limit)]
    if user_id is None:
        return ShopperState(_joined((yield of_session) if of_session else [], limit))
    group_of = ("HGET", keys.merged_groups, user_id)
    *histories, history, document, group = yield [*of_session, *_user(keys, limit, user_id), group_of]
    if group is not None:
        return (yield from _merged(keys, limit, group.decode().split("\n"), histories))
    events = _joined([history, *histories], limit)
    if document is None:
        return ShopperState(events)
    user = user_in(user_id, document) or User(user_id=user_id)
    return ShopperState(events, user.attributes, user.consent)


def step(lookup: Lookup, answers: Sequence[Any] | None) -> list[Command] | ShopperState:
    """What to ask next after these answers (None: at the beginning), or the state when nothing is left to ask."""
    try:
        return lookup.send(answers)  # type: ignore[arg-type]  # None starts it
    except StopIteration as done:
        state: ShopperState = done.value
        return state


def user_in(user_id: str, document: bytes | None) -> User | None:
    """The user of a stored document; None for nothing and for a deleted one."""
    found = None if document is None else decode_user(user_id, document)
    return found if isinstance(found, User) else None


def _merged(keys: Keys, limit: int, group: Sequence[str], histories: Sequence[Sequence[bytes]]) -> Lookup:
    commands = [command for user_id in group for command in _user(keys, limit, user_id)]
    commands += [_history(keys.session_history(session_id), limit) for session_id in group[1:]]
    answers = yield commands
    of_users, of_sessions = answers[: 2 * len(group)], answers[2 * len(group) :]
    users = map(user_in, group, of_users[1::2])
    user = joined_user([user for user in users if user is not None])
    history = _joined([*of_users[0::2], *of_sessions, *histories], limit)
    return ShopperState(history, user.attributes, user.consent, merged=True)


def _user(keys: Keys, limit: int, user_id: str) -> list[Command]:
    return [_history(keys.user_history(user_id), limit), ("GET", keys.user_document(user_id))]


def _history(key: str, limit: int) -> Command:
    return ("ZRANGE", key, -limit, -1)


def _joined(histories: Sequence[Sequence[bytes]], limit: int) -> list[HistoryEntry]:
    return decode_history(union_histories(histories or [[]], limit))
