"""Tells the person who typed `recsys up` when the API answers, and what to do while it has nothing to serve.

Live means the process runs; ready means a release is loaded and warm. Each change is said once.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

__all__ = ["Announcer", "local_url", "trouble_at"]

_PAUSE_S: Final = 0.5
_TIMEOUT_S: Final = 1.0
# A release that is there is loaded and warm within this time; after it, none is there.
_WARM_UP_S: Final = 5.0
_FIRST_STEPS: Final = (
    "In another terminal, while this one keeps running:\n"
    "    recsys data import complete-journey    (or your own files: recsys data ingest --help)\n"
    "    recsys train"
)


def local_url(host: str, port: int) -> str:
    """Return the address at which this machine reaches an API that listens on `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    bracketed = f"[{reachable}]" if ":" in reachable and not reachable.startswith("[") else reachable
    return f"http://{bracketed}:{port}"


def trouble_at(url: str, timeout_s: float = _TIMEOUT_S) -> str | None:
    """Return None when a GET of `url` is answered with a 2xx status, else why it is not, in the API's own words."""
    # A proxy of the environment is never the way to one's own machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=timeout_s):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return _detail(error.read()) or f"{url} answers {error.code}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{url} does not answer: {error}"


def _detail(body: bytes) -> str | None:
    """The sentence of a problem document."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return None


class Announcer:
    """Watches one API; call `tick` often. `ask` returns what is wrong at a URL, `say` takes lines."""

    def __init__(
        self,
        url: str,
        say: Callable[[str], None],
        ask: Callable[[str], str | None] = trouble_at,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._say = say
        self._ask = ask
        self._monotonic = monotonic
        self._next_look = float("-inf")
        self._live_since: float | None = None
        self._hinted = False
        self._ready = False

    def tick(self) -> None:
        """Look again if it is time to; do nothing once the API is ready."""
        now = self._monotonic()
        if self._ready or now < self._next_look:
            return
        self._next_look = now + _PAUSE_S
        if self._live_since is None and self._ask(f"{self._url}/healthz") is None:
            self._live_since = now
            self._say(f"live: {self._url}/docs    (Ctrl-C stops everything)")
        if self._live_since is not None:
            self._look_for_release(now - self._live_since)

    def _look_for_release(self, live_for_s: float) -> None:
        trouble = self._ask(f"{self._url}/readyz")
        if trouble is None:
            self._ready = True
            self._say("ready: a release is loaded and warm")
        elif live_for_s >= _WARM_UP_S and not self._hinted:
            self._hinted = True
            self._say(f"lists answer 503: {trouble}\n{_FIRST_STEPS}")
