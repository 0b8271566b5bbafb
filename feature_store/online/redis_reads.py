"""Shoppers for an event loop: many reads under way at once, and while the store thinks about one shopper the list of
another is made."""

import asyncio

import redis

from feature_store.online.contract import ShopperState
from feature_store.online.keyspace import Keys
from feature_store.online.redis_line import RedisLine, open_line
from feature_store.online.redis_link import Timeouts
from feature_store.online.shopper_lookup import shopper_lookup, step

__all__ = ["RedisReads"]


class RedisReads:
    """Reads shoppers as `RedisEvents.shopper` does. Connects at the first call, and again after a line has ended."""

    def __init__(
        self, client: redis.Redis, keys: Keys, history_length: int, timeouts: Timeouts | None = None
    ) -> None:
        self._client = client
        self._keys = keys
        self._history_length = history_length
        self._timeout_s = (timeouts or Timeouts()).read_s
        self._line: RedisLine | None = None
        self._opening: asyncio.Task[RedisLine] | None = None

    async def shopper(self, user_id: str | None, session_id: str | None = None) -> ShopperState:
        """All that is known online about a shopper.

        Raises:
            UnavailableError: the store does not answer in time.
        """
        lookup = shopper_lookup(self._keys, self._history_length, user_id, session_id)
        wanted = step(lookup, None)
        while not isinstance(wanted, ShopperState):
            line = self._line
            if line is None or line.ended or line.loop is not asyncio.get_running_loop():
                line = await self._opened()
            wanted = step(lookup, await line.ask(wanted))
        return wanted

    async def close(self) -> None:
        """Give the connection back."""
        line, self._line = self._line, None
        if line is not None and line.loop is asyncio.get_running_loop():
            line.end("it is being closed")

    async def _opened(self) -> RedisLine:
        """A new line; whoever asks first opens it for all."""
        loop, opening = asyncio.get_running_loop(), self._opening
        if opening is None or opening.done() or opening.get_loop() is not loop:
            opening = self._opening = loop.create_task(open_line(self._client, self._timeout_s))
        # A caller who goes away must not take the line from the others.
        self._line = await asyncio.shield(opening)
        return self._line
