"""What is noted about answers after they are sent, in Redis: pages to go on from and `served` events, many at once."""

from collections.abc import Sequence
from typing import Final

from feature_store.online.codec import encode_event
from feature_store.online.redis_link import RedisPart
from recsys.types import Event

__all__ = ["RedisNotes"]

_PAGE_S: Final = 1800


class RedisNotes(RedisPart):
    """One round trip for the notes of any number of answers."""

    def note(self, pages: Sequence[tuple[str, bytes]], events: Sequence[Event]) -> None:
        """Keep each page `(recomm_id, payload)` for half an hour and append the events, without idempotency.

        Raises:
            UnavailableError: the store is away; some of it may be written.
        """
        keep = [("SET", self._keys.page(recomm_id), payload, "EX", _PAGE_S) for recomm_id, payload in pages]
        stream = self._keys.events
        tell = [("XADD", stream, "*", "e", encode_event(event)) for event in events]
        # Pages first: somebody may be scrolling already.
        self._link.send([*keep, *tell])

    def close(self) -> None:
        """Close the connections."""
        self._link.close()
