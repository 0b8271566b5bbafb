"""One shopper out of several ids."""

from collections.abc import Sequence

from recsys.types import Consent, User

__all__ = ["joined_user"]


def joined_user(users: Sequence[User]) -> User:
    """The users of all ids of a shopper as one: the first id's attributes win, a refusal anywhere counts."""
    if len(users) == 1:
        return users[0]
    return User(
        user_id=users[0].user_id if users else "",
        attributes={name: value for user in reversed(users) for name, value in user.attributes.items()},
        consent=Consent(
            personalize=all(user.consent.personalize for user in users),
            market=all(user.consent.market for user in users),
            train=all(user.consent.train for user in users),
        ),
        updated_at=max((user.updated_at or 0 for user in users), default=None),
    )
