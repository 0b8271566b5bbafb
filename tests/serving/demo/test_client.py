"""The storefront's side of the wire, against a real server."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from serving.demo.client import Shop


@pytest.fixture
def server() -> Iterator[int]:
    """Answers with what it was asked."""

    class Echo(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told = {
                "path": self.path,
                "key": self.headers["Authorization"],
                "body": json.loads(body or b"null"),
            }
            content = json.dumps(told).encode()
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as made:
        threading.Thread(target=made.serve_forever).start()
        yield made.server_port
        made.shutdown()


def test_calls_carry_the_key_and_json_in_any_language(server: int) -> None:
    shop = Shop("127.0.0.1", server, "rk_x")
    try:
        posted = shop.post("/v1/events", {"query": "绿茶"})
        assert (posted.status, posted.body["body"], posted.body["key"]) == (
            200,
            {"query": "绿茶"},
            "Bearer rk_x",
        )
        got = shop.get("/v1/scenarios/a", user_id="买家 7", language="zh")
        assert got.body["path"] == "/v1/scenarios/a?user_id=%E4%B9%B0%E5%AE%B6+7&language=zh"
        assert got.took_ms > 0
    finally:
        shop.close()


def test_a_refusal_is_an_answer_and_not_an_exception(server: int) -> None:
    shop = Shop("127.0.0.1", server, "rk_x")
    try:
        assert shop.get("/missing").status == 404
    finally:
        shop.close()
