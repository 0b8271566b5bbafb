"""Turns the two headers of a request into a `Principal`.

Messages say what is wrong with a header and never repeat its value.
"""

from collections.abc import Callable
from dataclasses import replace

from serving.control.keys import AccessKey, KeyRepository
from serving.control.principals import Principal
from serving.control.tokens import verify_shopper_token
from serving.errors import Unauthorized

__all__ = ["Authenticator"]


class Authenticator:
    """Recognises keys and shopper tokens. `clock` gives ms since the epoch."""

    def __init__(self, keys: KeyRepository, secret: str, clock: Callable[[], int]) -> None:
        self._keys = keys
        self._secret = secret
        self._clock = clock

    def authenticate(self, authorization: str | None, shopper_token: str | None = None) -> Principal:
        """Return who calls, from `Authorization: Bearer <key>` and `X-Shopper-Token: <token>`.

        A token is verified whatever key it comes with: one that does not hold is an error, not an
        anonymous shopper.

        Raises:
            Unauthorized: no key, one that is unknown or revoked, or a token that does not hold.
            UnavailableError: the database is away and no key was ever read.
        """
        key = self._key(authorization)
        principal = Principal(key_id=key.key_id, role=key.role, browser=key.browser)
        return self.with_shopper(principal, shopper_token)

    def with_shopper(self, principal: Principal, shopper_token: str | None) -> Principal:
        """The same caller, speaking for the shopper that the token names; for nobody without one.

        Raises:
            Unauthorized: a token that does not hold.
        """
        if not shopper_token:
            return principal
        return replace(
            principal, user_id=verify_shopper_token(shopper_token.strip(), self._clock(), self._secret)
        )

    def _key(self, authorization: str | None) -> AccessKey:
        if not authorization:
            raise Unauthorized(
                "no key was sent; add the header 'Authorization: Bearer <key>' (make one: recsys keys create)"
            )
        scheme, _, text = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise Unauthorized("the Authorization header is not of the form 'Bearer <key>'")
        key = self._keys.recognise(text.strip())
        if key is None:
            raise Unauthorized("the key is unknown or revoked; list the live ones with: recsys keys list")
        return key
