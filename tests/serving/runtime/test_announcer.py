"""What a person sees after `recsys up`: one line per change, and what to run while nothing can be served."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from serving.runtime.announcer import Announcer, local_url, trouble_at


class Api:
    """Answers as told, by the last part of the URL."""

    def __init__(self) -> None:
        self.fine: set[str] = set()
        self.asked = 0

    def __call__(self, url: str) -> str | None:
        self.asked += 1
        return None if url.rpartition("/")[2] in self.fine else "no release is loaded yet"


class Scene:
    def __init__(self) -> None:
        self.api = Api()
        self.said: list[str] = []
        self.now = 0.0
        self.announcer = Announcer("http://shop:8000", self.said.append, self.api, lambda: self.now)

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.announcer.tick()


def test_nothing_is_said_before_the_api_answers() -> None:
    scene = Scene()
    scene.after(60)
    assert scene.said == []
    scene.api.fine = {"healthz", "readyz"}
    scene.after(1)
    assert scene.said == [
        "live: http://shop:8000/docs    (Ctrl-C stops everything)",
        "ready: a release is loaded and warm",
    ]


def test_a_release_that_warms_up_is_not_called_missing() -> None:
    scene = Scene()
    scene.api.fine = {"healthz"}
    for _ in range(4):
        scene.after(1)
    scene.api.fine.add("readyz")
    scene.after(1)
    assert [line.split(":")[0] for line in scene.said] == ["live", "ready"]


def test_an_empty_home_is_told_once_what_to_run() -> None:
    scene = Scene()
    scene.api.fine = {"healthz"}
    for _ in range(20):
        scene.after(1)
    assert len(scene.said) == 2
    assert scene.said[1].startswith("lists answer 503: no release is loaded yet\n")
    assert "recsys data import" in scene.said[1]
    assert "recsys train" in scene.said[1]
    scene.api.fine.add("readyz")
    scene.after(1)
    asked = scene.api.asked
    scene.after(60)
    assert len(scene.said) == 3
    assert scene.api.asked == asked


def test_the_api_is_not_asked_at_every_tick() -> None:
    scene = Scene()
    for _ in range(10):
        scene.after(0.01)
    assert scene.api.asked == 1


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("shop.example", "http://shop.example:80"),
    ],
)
def test_the_address_shown_is_one_a_browser_here_can_open(host: str, url: str) -> None:
    assert local_url(host, 80) == url


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = '{"detail": "还没有 release"}'.encode() if self.path == "/readyz" else b"<html>"
            self.send_response(200 if self.path == "/healthz" else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_what_is_wrong_is_told_in_the_apis_own_words(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    assert trouble_at(f"{server}/healthz") is None
    assert trouble_at(f"{server}/readyz") == "还没有 release"
    assert trouble_at(f"{server}/other") == f"{server}/other answers 503"


def test_an_api_that_is_not_there_is_trouble() -> None:
    assert "does not answer" in str(trouble_at("http://127.0.0.1:1/healthz", 0.2))
