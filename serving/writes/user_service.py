"""Writing and reading shoppers: attributes, consent, and which ids are one person.

Invariants: two concurrent changes of a shopper are both kept; a merge is a fact in the database first, mirrored online;
raw events are never rewritten.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from feature_store.identity import Identities
from feature_store.online.contract import OnlineStore, Written
from feature_store.records.codec import user_to_dict
from feature_store.records.fields import Rejection
from feature_store.records.users import validate_user
from recsys.types import User
from serving.errors import NotFound
from serving.schemas.users import UserBody, UserPatch
from serving.times import now_ms
from serving.wire.validation import plain
from serving.writes.item_changes import changed_at, merged, refuse_rejection

__all__ = ["UserService", "patched", "user_of"]


class UserService:
    """Shoppers of the online store, and their merges."""

    def __init__(self, store: OnlineStore, identities: Identities, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._identities = identities
        self._clock = clock

    def get(self, user_id: str) -> User:
        """The shopper as stored.

        Raises:
            NotFound: nothing is stored about this id.
        """
        user = self._store.get_user(user_id)
        if user is None:
            raise NotFound(
                f"nothing is stored about shopper {user_id!r}; unknown shoppers get lists all the same"
            )
        return user

    def put(self, users: Sequence[User]) -> list[Written]:
        """Replace shoppers; one verdict each, in order."""
        return [self._store.put_user(user) for user in users]

    def patch(self, user_id: str, patch: UserPatch) -> Written:
        """Change a shopper; an unknown one begins with the change."""
        now = self._clock()

        def change(stored: User | None) -> User:
            return patched(stored or User(user_id=user_id), patch, now)

        return self._store.update_user(user_id, change)

    def merge(self, from_id: str, into_id: str, at: int | None) -> bool:
        """Read `from_id` as `into_id` from now on; False when that was so.

        Raises:
            InputError: the merge would close a circle, or `from_id` belongs to another shopper.
            UnavailableError: the database or the online store is away; repeat the call.
        """
        return self._identities.merge(from_id, into_id, self._clock() if at is None else at)

    def unmerge(self, from_id: str, into_id: str, at: int | None) -> bool:
        """Take a merge back; False when there was none.

        Raises:
            UnavailableError: the database or the online store is away; repeat the call.
        """
        return self._identities.unmerge(from_id, into_id, self._clock() if at is None else at)

    def group(self, user_id: str) -> tuple[str, ...]:
        """All ids of this shopper, the main one first."""
        return self._store.group(user_id)


def user_of(body: UserBody, user_id: str, now: int) -> User:
    """The whole shopper of a body.

    Raises:
        InvalidRequest: the validator of user rows refuses it.
    """
    user = _validated({**plain(body), "user_id": user_id}, now)
    return replace(user, updated_at=now if body.updated_at is None else min(body.updated_at, now))


def patched(user: User, patch: UserPatch, now: int) -> User:
    """The shopper with what the patch names.

    Raises:
        InvalidRequest: the result is no valid shopper.
    """
    given, held = plain(patch), user_to_dict(user)
    maps = {name: merged(held.get(name, {}), given.get(name, {})) for name in ("attributes", "consent")}
    row = {"user_id": user.user_id, **maps}
    return replace(_validated(row, now), updated_at=changed_at(user.updated_at, patch.updated_at, now))


def _validated(row: dict[str, Any], now: int) -> User:
    found = validate_user(row, now)
    if isinstance(found, Rejection):
        raise refuse_rejection(found)
    return found
