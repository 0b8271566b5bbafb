"""One connection to Redis inside an event loop: questions travel together, answers come in their order.

The library's asyncio client keeps a connection to one caller at a time and spends more on an answer's way through its
coroutines than the answer is worth; what is read here is written and parsed by hiredis, as there.
Invariants: an answer that is overdue, or cannot be read, ends the line and fails everything under way on it, since
what comes after it could belong to anybody; nothing is sent twice.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import hiredis
import redis
from redis.asyncio.connection import SSLConnection

from feature_store.online.shopper_lookup import Command
from recsys.errors import UnavailableError

__all__ = ["RedisLine", "open_line"]

_SECOND_LOOK_S: Final = 0.005
_NOT_YET: Final = object()
_packed = cast(Callable[[Command], bytes], hiredis.pack_command)


class _Question(NamedTuple):
    answer: asyncio.Future[list[Any]]
    commands: int
    due: float
    """On the loop's clock."""


class RedisLine(asyncio.Protocol):
    """A connection that is open until `ended`."""

    def __init__(self, timeout_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended = False
        self._timeout_s = timeout_s
        self._parser = hiredis.Reader(notEnoughData=_NOT_YET)
        self._waiting: deque[_Question] = deque()
        self._answers: list[Any] = []
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in order; an error among them is the whole question's.

        Raises:
            UnavailableError: the line ended before, or the server refuses a command.
        """
        if self.ended or self._transport is None:
            raise UnavailableError("the connection to the online store has ended")
        question = _Question(self.loop.create_future(), len(commands), self.loop.time() + self._timeout_s)
        self._waiting.append(question)
        self._transport.write(b"".join([_packed(command) for command in commands]))
        if self._watch is None:
            self._watch = self.loop.call_at(question.due, self._look)
        return await question.answer

    def end(self, reason: str) -> None:
        """Close it and fail what is under way."""
        self.ended = True
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            answer = self._waiting.popleft().answer
            if not answer.done():
                answer.set_exception(UnavailableError(f"the online store does not answer: {reason}"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.end(str(exc or "the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._parser.feed(data)
        try:
            while self._waiting and self._complete(self._waiting[0].commands):
                answers, self._answers = self._answers, []
                _settle(self._waiting.popleft().answer, answers)
        except hiredis.ProtocolError as error:
            self.end(f"it does not speak Redis' protocol: {error}")

    def _complete(self, count: int) -> bool:
        """Whether so many answers have come."""
        while len(self._answers) < count:
            answer = self._parser.gets()
            if answer is _NOT_YET:
                return False
            self._answers.append(answer)
        return True

    def _look(self, suspect: _Question | None = None) -> None:
        """End the line when its oldest question is overdue, also at a second look: at the first, what came while the
        loop itself was held up may not have been read yet."""
        self._watch = None
        if self.ended or not self._waiting:
            return
        oldest = self._waiting[0]
        if oldest.due > self.loop.time():
            self._watch = self.loop.call_at(oldest.due, self._look)
        elif oldest is not suspect:
            self._watch = self.loop.call_later(_SECOND_LOOK_S, self._look, oldest)
        else:
            self.end(f"no answer within {self._timeout_s:g} s")


def _settle(future: asyncio.Future[list[Any]], answers: list[Any]) -> None:
    if future.done():  # whoever asked has gone
        return
    failed = next((answer for answer in answers if isinstance(answer, hiredis.ReplyError)), None)
    if failed is None:
        future.set_result(answers)
    else:
        future.set_exception(UnavailableError(f"the online store refuses the command: {failed}"))


async def open_line(client: redis.Redis, timeout_s: float) -> RedisLine:
    """A line to the server of a client, as its user, in its database.

    Raises:
        UnavailableError: nobody answers there in time, or lets us in.
    """
    options = client.connection_pool.connection_kwargs
    try:
        async with asyncio.timeout(timeout_s):
            line = await _connected(client, options, timeout_s)
            await _greet(line, _greetings(options))
    except OSError as error:  # a timeout is one
        raise UnavailableError(
            f"the online store does not answer: {str(error) or 'no connection in time'}"
        ) from error
    return line


async def _greet(line: RedisLine, greetings: Sequence[Command]) -> None:
    try:
        for greeting in greetings:
            await line.ask([greeting])
    except BaseException:
        line.end("it did not let us in")
        raise


async def _connected(client: redis.Redis, options: Mapping[str, Any], timeout_s: float) -> RedisLine:
    loop, path = asyncio.get_running_loop(), options.get("path")
    if path is not None:
        return (await loop.create_unix_connection(lambda: RedisLine(timeout_s), path))[1]
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    tls = _tls(client, options)
    return (await loop.create_connection(lambda: RedisLine(timeout_s), host, port, ssl=tls))[1]


def _tls(client: redis.Redis, options: Mapping[str, Any]) -> ssl.SSLContext | None:
    """As the library itself would secure it."""
    if not issubclass(client.connection_pool.connection_class, redis.SSLConnection):
        return None
    return SSLConnection(**{**options, "retry": None}).ssl_context.get()


def _greetings(options: Mapping[str, Any]) -> list[Command]:
    """Who we are and which database is ours."""
    user, password, database = options.get("username"), options.get("password"), options.get("db")
    names = (user, password) if user else (password,)
    greetings: list[Command] = [("AUTH", *names)] if password else []
    return [*greetings, ("SELECT", int(database))] if database else greetings
