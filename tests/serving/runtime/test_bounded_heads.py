"""The head of a request is bounded on a real socket; bodies, pauses and pipelines are not touched by that."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from serving.runtime.bounded_heads import HEAD_BYTES, BoundedHeads


async def echo_length(scope: Any, receive: Any, send: Any) -> None:
    """Answers the length of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": b"%08d" % size})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(echo_length, http=BoundedHeads, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def answers(port: int, *parts: bytes) -> bytes:
    """Everything that is heard until the server hangs up."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while part := connection.recv(65_536):
                heard += part
        except (BrokenPipeError, ConnectionResetError):
            pass
    return heard


def head(*lines: str, close: bool = True) -> bytes:
    more = ("Connection: close",) if close else ()
    return "\r\n".join(("POST / HTTP/1.1", "Host: shop", *more, *lines, "", "")).encode()


def test_a_head_within_the_bound_is_taken(port: int) -> None:
    assert answers(port, head("X: " + "a" * (HEAD_BYTES - 200))).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "lines", [("X: " + "a" * 10_000_000,), tuple(f"X-{n}: {'a' * 100}" for n in range(50_000))]
)
def test_a_head_past_it_is_refused_or_the_caller_hung_up_on(port: int, lines: tuple[str, ...]) -> None:
    heard = answers(port, head(*lines))
    assert not heard or (heard.startswith(b"HTTP/1.1 400 ") and b"65536" in heard)
    assert answers(port, head()).endswith(b"00000000")


def test_a_head_that_never_ends_is_not_listened_to(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as connection, pytest.raises(OSError):
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(100_000):
            connection.sendall(b"a" * 10_000)


def test_long_bodies_and_requests_one_behind_the_other_are_taken(port: int) -> None:
    body = b"b" * 3_000_000
    length = f"Content-Length: {len(body)}"
    heard = answers(port, head(length, close=False) + body + head(length, close=False), body, head())
    assert heard.count(b"03000000") == 2 and heard.endswith(b"00000000")
