"""Whatever is sent to a real server gets a list, or a refusal that says what to change; no worker ends of it.

Each row of the tables is one call to one server with two workers. How long a call may take is bounded by the caller's
patience; what matters is that the same processes answer afterwards.
"""

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

LISTS, EVENTS = "/v1/recommendations", "/v1/events"
MEGABYTE = 1024 * 1024
PATIENCE_S = 20
LONGEST_ANSWER = 256 * 1024


@dataclass(frozen=True)
class Call:
    """One body and what has to come of it."""

    name: str
    body: object
    status: int
    says: tuple[str, ...] = ()
    """What the answer has to name."""
    path: str = LISTS
    content_type: str = "application/json"

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def listed(name: str, body: object, content_type: str = "application/json") -> Call:
    return Call(name, body, 200, ('"items":[{',), content_type=content_type)


def judged(name: str, body: object, *says: str) -> Call:
    return Call(name, body, 200, says, EVENTS)


def refused(name: str, body: object, *says: str, path: str = LISTS) -> Call:
    return Call(name, body, 422, says, path)


def unreadable(name: str, body: bytes) -> Call:
    return Call(name, body, 400, ("the body is not JSON in UTF-8",))


def rows(count: int, start: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Events to post, with ids from `start` on."""
    usual = {"type": "view", "session_id": "any", "item_id": "i", "timestamp": int(time.time() * 1000)}
    return [{"event_id": f"e-{start + number}", **usual, **more} for number in range(count)]


def seen(timestamp: object) -> dict[str, Any]:
    return {"events": [{"type": "view", "item_id": "i", "timestamp": timestamp}]}


def boosted(factor: float, times: int = 1) -> dict[str, Any]:
    return {"boost": [{"filter": "price > 0", "factor": factor}] * times}


def among(count: int) -> dict[str, str]:
    return {"filter": f"price in ({', '.join(map(str, range(count)))})"}


def nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return b'{"context": {"a": ' + opening * depth + b"1" + closing * depth + b"}}"


def names(count: int) -> list[str]:
    return [f"item-{number}" for number in range(count)]


DIGITS = b"1" + b"0" * 400
FIVE_HUNDRED = rows(500)
GOOD = [
    listed("an unknown shopper", {"user_id": "nobody-knows-me"}),
    listed("an unknown item", {"item_ids": ["no-such-item"]}),
    listed("5,000 excluded ids", {"exclude_ids": names(5000)}),
    listed("most of a megabyte of excluded ids", {"exclude_ids": [f"{n:0128}" for n in range(5000)]}),
    listed("a body of exactly a megabyte", b"{}".ljust(MEGABYTE)),
    listed("100 items in the cart", {"item_ids": names(100)}),
    listed("the same item 100 times", {"item_ids": ["item"] * 100}),
    listed("the same name twice, of which the last counts", b'{"num": 0, "num": 3}'),
    listed("a content type that is not JSON", {"num": 3}, "text/plain"),
    listed("a content type of another encoding", {"num": 3}, "application/json; charset=utf-16"),
    listed("no content type", {"num": 3}, ""),
    listed("an event of the far future", seen("9000-01-01T00:00:00Z")),
    listed("an event of long ago", seen("0001-01-01T00:00:00Z")),
    listed(
        "500 events of the session", {"events": [{"type": "view", "item_id": f"i{n}"} for n in range(500)]}
    ),
    listed("the largest seed", {"seed": 2**53 - 1}),
    listed("the highest boosts", boosted(100, 20)),
    listed("the lowest boosts", boosted(1e-308, 20)),
    listed("a filter of 200 clauses", {"filter": " or ".join(f"price > {n}" for n in range(200))}),
    listed("a filter of 2,700 values", {"filter": f"not {among(2700)['filter']}"}),
    listed("a path of 1,000 segments", {"filter": f'not category under "{" > ".join("a" * 1000)}"'}),
    listed("a filter in other scripts", {"filter": 'not "\U0001f600素食" in tags'}),
    listed("a shopper in other scripts", {"user_id": "顾客-\U0001f600"}),
    listed("a shopper that would be a command", {"user_id": "'; drop table users; --"}),
    Call("a filter that keeps nothing", {"filter": 'brand = "none"'}, 200, ("empty_by_filter",)),
    Call("an item that is unknown is told", {"item_ids": ["none"]}, 200, ("unknown_item_ids",)),
]
BAD = [
    refused("10,000 excluded ids", {"exclude_ids": names(10_000)}, "exclude_ids", "5000", "10000"),
    refused("200 items in the cart", {"item_ids": names(200)}, "item_ids", "100", "200"),
    refused("10,000 items at hand", {"item_ids": names(10_000)}, "item_ids", "100", "10000"),
    refused("10,000 events", {"events": [{"type": "view"}] * 10_000}, "events", "500", "10000"),
    refused("no items", {"num": 0}, "num", "equal to 1", "not 0"),
    refused("201 items", {"num": 201}, "num", "200", "not 201"),
    refused("-1 items", {"num": -1}, "num", "not -1"),
    refused("a number as text", {"num": "20"}, "num", "not '20'"),
    refused("true as a number", {"num": True}, "num", "not True"),
    refused("half a number", {"num": 2.5}, "num", "not 2.5"),
    refused("a seed beyond 64 bits", {"seed": 2**64}, "seed"),
    refused("a seed beyond 53 bits", {"seed": 2**53}, "seed", "9007199254740992"),
    refused("a negative seed", {"seed": -1}, "seed", "not -1"),
    refused("an endless boost", boosted(1e308), "boost.0.factor", "100"),
    refused("a boost by nothing", boosted(0), "boost.0.factor", "greater than 0"),
    refused("a boost below nothing", boosted(-1), "boost.0.factor", "not -1"),
    refused("21 boosts", boosted(2, 21), "boost", "20", "21"),
    refused("a null byte in an id", {"user_id": "a\0b"}, "user_id", "unprintable"),
    refused("a null byte in an item's id", {"item_ids": ["a\0b"]}, "item_ids.0", "unprintable"),
    refused("an id of a megabyte", {"user_id": "a" * 1_000_000}, "user_id", "128"),
    refused("an unknown field", {"user_di": "u"}, "user_di", "did you mean 'user_id'"),
    refused("a field with a very long name", {"a" * 500_000: 1}, "unknown field"),
    refused("60,000 unknown fields", {f"f{n}": 1 for n in range(60_000)}, "f0", "at least 99 more"),
    refused("5,000 wrong ids", {"exclude_ids": [1] * 5000}, "exclude_ids.0", "at least 99 more"),
    refused("no body", b"", "a body is required"),
    refused("a list for a body", [1, 2], "object"),
    refused("null for a body", None, "object"),
    refused("a time that is none", seen("2026-99-99T00:00:00Z"), "events.0.timestamp"),
    refused("a context of lists", nested(b"[", b"]", 500), "context"),
    refused("33 names in the context", {"context": {f"n{n}": 1 for n in range(33)}}, "context", "32"),
    refused("a filter past its length", {"filter": "price > 1 " * 2000}, "filter", "16384"),
    refused("5,000 brackets in a filter", {"filter": "(" * 5000 + "1" + ")" * 5000}, "filter", "64 levels"),
    refused("4,000 times not", {"filter": "not " * 4000 + "price > 1"}, "filter", "64 levels"),
    refused("10,000 values in a filter", among(10_000), "filter", "16384"),
    refused("numbers where a filter has text", {"filter": f"brand in ({'1, ' * 4000}1)"}, "filter", "text"),
    refused("a filter that never closes", {"filter": 'brand = "' + "\\" * 8000}, "filter", "closing"),
    refused("a filter of quotes", {"filter": '"' * 16_000}, "filter", "position"),
    refused("a filter of digits", {"filter": "price > " + "9" * 16_000}, "filter", "too long"),
    refused("a filter with a null byte", {"filter": "price\0 > 1"}, "filter", "position 5"),
    refused("a filter with 1e400", {"filter": "price > 1e400"}, "filter", "too large"),
    refused("501 events", {"events": rows(501)}, "501", "at most 500", path=EVENTS),
    refused("a body without events", b"{}", "events", "send a JSON list", path=EVENTS),
    Call("a body past its limit", b" " * (MEGABYTE + 1), 413, ("1048576", "several smaller ones")),
]
UNREADABLE = [
    unreadable("a number of 400 digits", b'{"num": ' + DIGITS + b"}"),
    unreadable("a seed of 400 digits", b'{"seed": ' + DIGITS + b"}"),
    unreadable("a time of 400 digits", b'{"events": [{"type": "view", "timestamp": ' + DIGITS + b"}]}"),
    unreadable("1e400", b'{"diversity": 1e400}'),
    unreadable("not a number", b'{"diversity": NaN}'),
    unreadable("infinity", b'{"diversity": -Infinity}'),
    unreadable("half a body", b'{"user_id": "u'),
    unreadable("bytes that are not UTF-8", b'{"user_id": "\xff\xfe"}'),
    unreadable("half a surrogate", b'{"user_id": "\\ud800"}'),
    unreadable("UTF-16", '{"user_id": "u"}'.encode("utf-16")),
    unreadable("100,000 brackets", nested(b"[", b"]", 100_000)),
    unreadable("100,000 braces", nested(b'{"a":', b"}", 100_000)),
    unreadable("100,000 brackets that stay open", b"[" * 100_000),
    unreadable("null bytes", b"\0" * 1000),
]
POSTED = [
    judged("500 events", {"events": FIVE_HUNDRED}, '"accepted":500'),
    judged("500 events once more", {"events": FIVE_HUNDRED}, '"duplicates":500', '"rejected":[]'),
    judged("no event", {"events": []}, '"accepted":0'),
    judged("500 wrong events", {"events": [{"zzz": 1}] * 500}, '"accepted":0', '"index":499'),
    judged("the far future", {"events": rows(1, 1000, timestamp="9999-12-31T23:59:59Z")}, "future_time"),
    judged("long ago", {"events": rows(1, 1010, timestamp=-62_135_596_800_000)}, "past_time"),
    judged("past every calendar", {"events": rows(1, 1020, timestamp=10**18)}, "future_time"),
    judged("a price past every purse", {"events": rows(1, 1030, price=1e300)}, "out_of_range"),
    judged("ids with null bytes", {"events": rows(1, 1040, item_id="a\0b")}, "control_characters"),
]


@dataclass(frozen=True)
class Bytes:
    """What is wrong below bodies: a request in parts, and how what is heard may begin (b"" is nothing at all)."""

    name: str
    headers: tuple[str, ...]
    body: tuple[bytes, ...]
    heard: tuple[bytes, ...]
    pause_s: float = 0.0


CHUNKED = ("Transfer-Encoding: chunked",)
TWO = "Content-Length: 2"
OK, WRONG, TOO_LARGE = (b"HTTP/1.1 %d " % status for status in (200, 400, 413))
NOTHING = b""
SLOWLY = tuple(b"%c" % byte for byte in b'{"num": 3}')
MEGABYTES = (*[b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 32, b"0\r\n\r\n")
WIRE = [
    Bytes("a body that comes slowly", ("Content-Length: 10",), SLOWLY, (OK,), 0.05),
    Bytes("a body in chunks", CHUNKED, (b'5\r\n{"num\r\n', b'5\r\n": 3}\r\n0\r\n\r\n'), (OK,)),
    Bytes("chunks that break off", CHUNKED, (b'400\r\n{"num"',), (NOTHING, WRONG)),
    Bytes("a chunk whose length is none", CHUNKED, (b"zz\r\n{}\r\n0\r\n\r\n",), (WRONG,)),
    Bytes("a chunk of endless length", CHUNKED, (b"f" * 40 + b"\r\n{}",), (WRONG,)),
    Bytes("two megabytes in chunks", CHUNKED, MEGABYTES, (TOO_LARGE, NOTHING)),
    Bytes("a length past the limit", ("Content-Length: 99999999999",), (), (TOO_LARGE,)),
    Bytes("a length of 400 digits", ("Content-Length: " + "9" * 400,), (b"{}",), (WRONG,)),
    Bytes("two lengths", (TWO, "Content-Length: 3"), (b"{}",), (WRONG,)),
    Bytes("half a body", ("Content-Length: 100",), (b'{"num"',), (NOTHING, WRONG)),
    Bytes("a header of ten megabytes", ("X: " + "a" * 10 * MEGABYTE, TWO), (b"{}",), (WRONG, NOTHING)),
    Bytes("20,000 headers", (*(f"X-{n}: a" for n in range(20_000)), TWO), (b"{}",), (WRONG, NOTHING)),
    Bytes(
        "a token of 30,000 characters",
        ("X-Shopper-Token: " + "v1." * 10_000, TWO),
        (b"{}",),
        (b"HTTP/1.1 4",),
    ),
    Bytes("a request id of other bytes", ("X-Request-Id: \xff\xe9", TWO), (b"{}",), (OK,)),
]


@dataclass(frozen=True)
class Server:
    """A running product, the key to it and who answers."""

    port: int
    key: str
    supervisor: int

    @property
    def workers(self) -> list[int]:
        task = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children")
        return sorted(map(int, task.read_text().split()))

    def ready(self) -> bool:
        """Whether the worker that takes a new connection is ready."""
        with suppress(httpx.TransportError), httpx.Client(timeout=PATIENCE_S, trust_env=False) as client:
            return client.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        return False

    def post(self, call: Call) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": call.content_type}
        with httpx.Client(timeout=PATIENCE_S, trust_env=False) as client:
            return client.post(
                f"http://127.0.0.1:{self.port}{call.path}", content=call.content, headers=headers
            )

    def hear(self, said: Bytes) -> bytes:
        """Send a request part by part; what comes back until the server hangs up."""
        own = (
            f"POST {LISTS} HTTP/1.1",
            "Host: shop",
            f"Authorization: Bearer {self.key}",
            "Connection: close",
        )
        head = "\r\n".join((*own, *said.headers, "", "")).encode("latin-1")
        heard = b""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as connection:
            # The server may hang up while it is still spoken to, and has said why before.
            with suppress(OSError):
                for part in (head, *said.body):
                    connection.sendall(part)
                    time.sleep(said.pause_s)
                if NOTHING in said.heard:
                    connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while part := connection.recv(65_536):
                    heard += part
        return heard


@pytest.fixture
def server(
    make_product: Callable[..., Any],
    free_port: int,
    valkey: EmbeddedValkey,
    publish: Callable[..., str],
    tmp_path: Path,
) -> Server:
    address = f"unix://{valkey.socket}"
    product = make_product(REDIS_URL=address, RECSYS_LOG_LEVEL="warning", RECSYS_DEADLINE_MS="10000")
    publish(StoreSettings.load(home=product.home, redis_url=address), tmp_path / "release")
    parent = product.start("serve", "--workers", "2", "--port", str(free_port))
    found = Server(free_port, product.run("keys", "create", "--role", "storefront"), parent.pid)
    product.wait_for(lambda: all(found.ready() for _ in range(8)), "two ready workers")
    return found


def test_any_input(server: Server, subtests: pytest.Subtests) -> None:
    before = server.workers
    for call in (*GOOD, *BAD, *UNREADABLE, *POSTED):
        with subtests.test(call.name):
            answer = server.post(call)
            assert answer.status_code == call.status, answer.text[:500]
            assert [word for word in call.says if word not in answer.text] == [], answer.text[:500]
            assert len(answer.content) < LONGEST_ANSWER
    for said in WIRE:
        with subtests.test(said.name):
            heard = server.hear(said)
            assert heard.startswith(tuple(filter(None, said.heard))) or (not heard and NOTHING in said.heard)
    with subtests.test("the same workers answer as before"):
        assert server.workers == before
        usual = listed("a usual call", {"num": 5})
        assert [server.post(usual).status_code for _ in range(8)] == [200] * 8
