"""Who calls, for routes that are answered in the event loop: keys seen a moment ago are known without any look-up.

A key's first use reads the database, so it is recognised in a thread; for half a second after that the same header
means the same key. Shopper tokens are verified at each call: their end is a moment. Invariant: only headers of keys
that were recognised are remembered, at most `_MOST` of them.
"""

from time import monotonic
from typing import Final

from starlette.concurrency import run_in_threadpool

from serving.control.authentication import Authenticator
from serving.control.principals import Principal

__all__ = ["LONGEST_TOKEN", "Callers"]

LONGEST_TOKEN: Final = 2048
"""Characters; a longer one is refused by name on the framework's way."""
_GOOD_FOR_S: Final = 0.5
_MOST: Final = 1000


class Callers:
    """Recognises callers."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._seen: dict[str, tuple[Principal, float]] = {}

    async def recognise(self, authorization: str | None, shopper_token: str | None) -> Principal:
        """Return who calls (see `Authenticator.authenticate`).

        Raises:
            Unauthorized: no key, one that is unknown or revoked, or a token that does not hold.
            UnavailableError: the database is away and no key was ever read.
        """
        seen = self._seen.get(authorization or "")
        if seen is not None and monotonic() < seen[1]:
            principal = seen[0]
        else:
            principal = await run_in_threadpool(self._authenticator.authenticate, authorization)
            if len(self._seen) >= _MOST:
                self._seen = {}
            self._seen[authorization or ""] = (principal, monotonic() + _GOOD_FOR_S)
        return self._authenticator.with_shopper(principal, shopper_token)
