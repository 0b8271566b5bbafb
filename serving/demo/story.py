"""The story itself, one chapter per function; read it to learn how a shop uses the product.

Invariants: every chapter checks what it shows, so that `--check` is an end-to-end test; a chapter that fails is
named and ends the story with exit code 1; nothing runs on after the story but what `stay` keeps serving.
"""

import json
import os
import signal
import statistics
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from feature_store.offline import OfflineStore
from recsys.errors import ConfigError, RecsysError
from serving.demo.client import Reply, Shop
from serving.demo.screen import Screen, moves
from serving.demo.service import Service, VerbError, verb, verb_output
from serving.demo.shoppers import Household, pick_household, shelf_of
from serving.runtime.supervisor import free_port, refuse_taken_port
from serving.settings import Settings
from serving.times import now_ms

__all__ = ["run", "stay"]

_SHOPS: Final = ("complete-journey",)
_LIST: Final = 20
_TIMED: Final = 200
_GROCERY: Final = (
    'category under "GROCERY" and not category under "GROCERY > COUPON/MISC ITEMS" and price > 1'
)
_HALLS: Final = ("weekend-kitchen", "tonights-dinner")


class ChapterFailed(Exception):
    """A chapter did not go as it should; the message is for the reader."""

    def __init__(self, chapter: str, reason: str) -> None:
        super().__init__(reason)
        self.chapter = chapter


@dataclass
class Story:
    """What the chapters share."""

    settings: Settings
    screen: Screen
    told: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def chapter(self, name: str, title: str) -> Iterator[None]:
        """Tell one chapter; whatever goes wrong in it is reported under its name."""
        self.told += 1
        self.screen.step(self.told, title)
        started = time.monotonic()
        try:
            yield
        except (VerbError, RecsysError, OSError, ValueError, LookupError) as error:
            raise ChapterFailed(name, str(error) or repr(error)) from error
        self.seconds[name] = time.monotonic() - started
        self.screen.took(self.seconds[name])


def run(settings: Settings, *, shop: str, check: bool, screen: Screen | None = None) -> int:
    """Tell the story; 0 when all of it is true. Without `check` the product keeps serving until Ctrl-C.

    Raises:
        ConfigError: there is no story for `shop`.
    """
    if shop not in _SHOPS:
        raise ConfigError(f"there is no demo for shop {shop!r}; there are: {', '.join(_SHOPS)}")
    story = Story(settings, screen or Screen())
    try:
        _tell(story, shop, check)
    except ChapterFailed as failed:
        story.screen.failed(failed.chapter, str(failed))
        return 1
    return 0


def _tell(story: Story, shop: str, check: bool) -> None:
    with story.chapter("import", f"A shop's purchases: recsys data import {shop}"):
        verb(story.settings, "data", "import", shop)
    with story.chapter("train", "What shoppers like: recsys train"):
        verb(story.settings, "train")
    with story.chapter("publish", "Into the online store: recsys publish"):
        verb(story.settings, "publish")
    with story.chapter("key", "A key for the storefront: recsys keys create --role storefront"):
        key = verb_output(story.settings, "keys", "create", "--role", "storefront", "--name", "demo")
        story.screen.line(f"{key[:16]}… (whole at the end)")
    with Service(story.settings, _port(story.settings), story.screen.line) as service:
        with story.chapter("start", f"Everything on this machine: recsys up --port {service.port}"):
            service.wait_until_ready()
            story.screen.line(f"ready at {service.url}")
        home = _visit(story, service, key)
        story.screen.addresses(_addresses(story.settings, service, key, home))
        if not check:
            stay(service, _asked_to_stop())


def _visit(story: Story, service: Service, key: str) -> Household:
    shop = Shop(service.host, service.port, key)
    try:
        with story.chapter("shopper", "A household and its last baskets"):
            home = pick_household(OfflineStore(story.settings.home))
            story.screen.household(home)
        with story.chapter("list", "Guess you like 猜你喜欢: POST /v1/recommendations"):
            before = _guess(shop, home)
            story.screen.items(before[:10])
        with story.chapter("related", f"Goes with {_title(before[0])}: the same call with item_ids"):
            story.screen.items(_related(shop, home, before[0]))
        with story.chapter("scenario", "Scenario halls 场景馆: GET /v1/scenarios/{slug}"):
            _halls(story.screen, shop, home)
        with story.chapter("event", "One event, and the list has changed: POST /v1/events"):
            _react(story.screen, shop, home, before)
        with story.chapter("timings", "How long a list takes"):
            story.screen.line(_timings(shop, home))
        return home
    finally:
        shop.close()


def _guess(shop: Shop, home: Household) -> list[dict[str, Any]]:
    items = _items(shop.post("/v1/recommendations", {**_ask(home), "num": _LIST}))
    _expect(len(items) == _LIST, f"{len(items)} items instead of {_LIST}")
    _expect(len({item["item_id"] for item in items}) == _LIST, "an item stands in the list twice")
    _expect(all(item["reason"]["text"] for item in items), "an item has no reason")
    return items


def _related(shop: Shop, home: Household, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    body = {**_ask(home), "slot": "detail", "item_ids": [item["item_id"]], "num": 6}
    items = _items(shop.post("/v1/recommendations", body))
    _expect(len(items) == 6, f"{len(items)} items instead of 6")
    _expect(item["item_id"] not in {each["item_id"] for each in items}, "the item is related to itself")
    return items


def _halls(screen: Screen, shop: Shop, home: Household) -> None:
    for slug in _HALLS:
        hall, translated = (
            _body(
                shop.get(
                    f"/v1/scenarios/{slug}", user_id=home.user_id, language=language, return_items="true"
                )
            )
            for language in ("en", "zh")
        )
        shown = [item["item_id"] for shelf in hall["shelves"] for item in shelf["items"]]
        _expect(len(hall["shelves"]) >= 3, f"{slug} has {len(hall['shelves'])} shelves")
        _expect(len(shown) == len(set(shown)), f"an item stands in {slug} twice")
        screen.hall(hall, translated)


def _react(screen: Screen, shop: Shop, home: Household, before: Sequence[Mapping[str, Any]]) -> None:
    novelty = _novelty(shop, home, before)
    screen.line(
        f"Household {home.user_id} never bought from {shelf_of(novelty['attributes'].get('category'))}."
    )
    screen.line(f"Now it puts {_title(novelty)} in the cart.")
    taken = shop.post("/v1/events", {"events": [_cart_event(home, novelty)]})
    _expect(_body(taken)["accepted"] == 1, f"the event was not accepted: {taken.body}")
    sent_at = time.perf_counter()
    after = _guess(shop, home)
    answered_ms = (time.perf_counter() - sent_at) * 1000
    told = moves([item["item_id"] for item in before], [item["item_id"] for item in after])
    screen.items(after[:10], told)
    changed = sum(1 for mark in told.values() if mark)
    _expect(changed > 0, "the list did not change")
    screen.line(
        f"{changed} of {_LIST} places changed: the event was on disk after {taken.took_ms:.1f} ms, "
        f"the list that knows it came {answered_ms:.1f} ms later."
    )


def _novelty(shop: Shop, home: Household, before: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A popular item from a part of the grocery this household never bought from."""
    shown = [item["item_id"] for item in before]
    wanted = {"personalization": "none", "filter": _GROCERY, "num": 200}
    body = {**_ask(home), **wanted, "exclude_ids": shown, "dry_run": True}
    for item in _items(shop.post("/v1/recommendations", body)):
        category = shelf_of(item["attributes"].get("category"))
        if category and category not in home.categories and item["item_id"] not in home.touched:
            return item
    raise LookupError("this household bought from every popular part of the grocery")


def _timings(shop: Shop, home: Household) -> str:
    replies = [shop.post("/v1/recommendations", {**_ask(home), "dry_run": True}) for _ in range(_TIMED)]
    inside = sorted(float(_body(reply)["took_ms"]) for reply in replies)
    waited = sorted(reply.took_ms for reply in replies)
    return (
        f"{_TIMED} lists one after another: median {statistics.median(inside):.1f} ms, "
        f"99 % within {inside[int(len(inside) * 0.99) - 1]:.1f} ms; "
        f"seen by the storefront, with HTTP: median {statistics.median(waited):.1f} ms"
    )


def _ask(home: Household) -> dict[str, Any]:
    return {"user_id": home.user_id, "num": _LIST, "language": "en", "return_items": True, "seed": 7}


def _cart_event(home: Household, item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "event_id": f"demo-{uuid.uuid4()}",
        "type": "cart",
        "user_id": home.user_id,
        "item_id": item["item_id"],
        "timestamp": now_ms(),
    }


def _items(reply: Reply) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = _body(reply)["items"]
    return items


def _body(reply: Reply) -> Any:
    _expect(reply.status == 200, f"answered {reply.status}: {reply.body}")
    return reply.body


def _expect(truth: bool, otherwise: str) -> None:
    if not truth:
        raise ValueError(otherwise)


def _title(item: Mapping[str, Any]) -> str:
    return str(item["attributes"].get("title", item["item_id"]))


def _port(settings: Settings) -> int:
    """The port asked for, or a free one when another program has it."""
    try:
        refuse_taken_port(settings.host, settings.port)
    except ConfigError:
        return free_port(settings.host)
    return settings.port or free_port(settings.host)


def _addresses(settings: Settings, service: Service, key: str, home: Household) -> dict[str, str]:
    body = json.dumps({"user_id": home.user_id, "num": 5, "return_items": True})
    tracking = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{settings.home / 'mlflow.db'}"
    return {
        "The interface, to try out in a browser": f"{service.url}/docs",
        "The same list from a shell": (
            f"curl -s {service.url}/v1/recommendations -H 'Authorization: Bearer {key}' "
            f"-H 'Content-Type: application/json' -d '{body}'"
        ),
        "Every training run, its figures and plots": (
            f"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri {tracking}"
        ),
        "What the processes write": str(service.log),
    }


class Runs(Protocol):
    """What is kept running."""

    @property
    def runs(self) -> bool:
        """Whether it still does."""


def stay(service: Runs, stopped: threading.Event, pause_s: float = 0.5) -> None:
    """Return when `stopped` is set or the service has ended by itself."""
    while not stopped.is_set() and service.runs:
        stopped.wait(pause_s)


def _asked_to_stop() -> threading.Event:
    """Set by Ctrl-C and SIGTERM from now on."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
