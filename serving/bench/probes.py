"""Single changes, followed on every worker: from the acknowledgement until an answer of that worker knows it.

A worker is asked again and again over its own connection, all workers side by side. Only whole answers count.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from serving.bench.calls import Caller
from serving.bench.shop import Shop
from serving.bench.workers import callers
from serving.times import now_ms

__all__ = ["Followed", "Prober", "event_probes", "offer_probes"]

Json = Mapping[str, Any]

_AGAIN_S: Final = 0.005
_PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.05
_HOPELESS: Final = 2
"""After so many probes of a kind that no worker ever showed, it is not tried again."""
_SHOPPERS: Final = 40
_LIST: Final = "/v1/recommendations"
_OFFERS: Final = "/v1/offers"


@dataclass
class Followed:
    """What became of the probes of one kind."""

    kind: str
    seconds: list[float] = field(default_factory=list)
    """One for each probe and worker."""
    at_once: int = 0
    """Of them, where the worker's first whole answer knew it."""
    never: int = 0
    """Probes and workers where it did not show in time."""
    refused: list[str] = field(default_factory=list)
    """Changes that were not acknowledged, in the server's words."""

    @property
    def hopeless(self) -> bool:
        """Whether it makes no sense to go on."""
        return not self.seconds and self.never >= _HOPELESS


@dataclass(frozen=True)
class Probe:
    """A change and the question that tells whether an answer knows it."""

    kind: str
    method: str
    path: str
    body: Json | None
    question: Json
    known: Callable[[Json], bool]


@dataclass
class Prober:
    """Makes one probe after another until told to stop."""

    shop: Shop
    probes: Iterator[Probe]
    followed: dict[str, Followed] = field(default_factory=dict)
    broken: int = 0
    """Probes given up because a worker hung up: it closes connections that were idle for some seconds."""
    error: BaseException | None = None

    def start(self, over: threading.Event) -> threading.Thread:
        """Begin in a thread of its own."""
        thread = threading.Thread(target=self._run, args=(over,), daemon=True)
        thread.start()
        return thread

    def _run(self, over: threading.Event) -> None:
        shop = self.shop
        try:
            with (
                Caller(shop.server.address, shop.product.admin_key) as writer,
                ThreadPoolExecutor(len(shop.workers)) as pool,
            ):
                while not over.is_set():
                    with _asked(shop) as workers:
                        self._probe_until(over, writer, workers, pool)
        except BaseException as error:
            self.error = error

    def _probe_until(
        self, over: threading.Event, writer: Caller, workers: Sequence[Caller], pool: ThreadPoolExecutor
    ) -> None:
        """Go on until told to stop, or until a worker hangs up."""
        while not over.is_set():
            try:
                self._probe(next(self.probes), writer, workers, pool)
            except (ConnectionError, HTTPException):
                self.broken += 1
                return
            over.wait(_PAUSE_S)

    def _probe(
        self, probe: Probe, writer: Caller, workers: Sequence[Caller], pool: ThreadPoolExecutor
    ) -> None:
        followed = self.followed.setdefault(probe.kind, Followed(probe.kind))
        if followed.hopeless:
            return
        reply = writer.call(probe.method, probe.path, probe.body)
        if reply.status != 200 or reply.body.get("rejected"):
            followed.refused.append(f"{reply.status}: {reply.body}"[:500])
            return
        for took in pool.map(lambda worker: _until_known(probe, worker, reply.ended), workers):
            if took is None:
                followed.never += 1
            else:
                followed.seconds.append(took[0])
                followed.at_once += took[1] == 1


@contextmanager
def _asked(shop: Shop) -> Iterator[Sequence[Caller]]:
    with callers(shop.server, shop.workers, shop.product.admin_key) as found:
        yield list(found.values())


def _until_known(probe: Probe, worker: Caller, since: float) -> tuple[float, int] | None:
    """Seconds until this worker's answer knows it, and which of its whole answers that was; None when it does not
    come to know it in time.
    """
    whole = 0
    while True:
        reply = worker.call("POST", _LIST, probe.question)
        if reply.status == 200 and not reply.body["degraded"]:
            whole += 1
            if probe.known(reply.body):
                return max(reply.ended - since, 0.0), whole
        if reply.ended - since > _PATIENCE_S:
            return None
        time.sleep(_AGAIN_S)


def event_probes(items: Sequence[str]) -> Iterator[Probe]:
    """A shopper clicks on an item he has not seen yet; his shelf `continue` begins with what he looked at last."""
    number = 0
    while True:
        # As often as not a shopper whose earlier events every worker has read already.
        item, user = items[number % len(items)], f"prober-{number % _SHOPPERS}-{number // len(items)}"
        event = {"event_id": f"probe-{number}", "type": "click", "user_id": user, "item_id": item}
        yield Probe(
            kind="own event",
            method="POST",
            path="/v1/events",
            body={"events": [{**event, "timestamp": now_ms()}]},
            question={"user_id": user, "slot": "continue", "num": 3, "dry_run": True},
            known=lambda answer, item=item: item in _shown(answer),  # type: ignore[misc]
        )
        number += 1


def offer_probes(shop: Shop, items: Sequence[str]) -> Iterator[Probe]:
    """One kind of change after another, on items that nobody else changes."""
    number = 0
    while True:
        item = items[number % len(items)]
        yield from _life_of(item, number)
        yield from _birth(shop, item, number)
        number += 1


def _life_of(item: str, number: int) -> Iterator[Probe]:
    price, promo = 1000.0 + number, 500.0 + number
    for kind, change, known in (
        ("price", {"price": price, "promo": None, "stock": 50}, _priced(item, price)),
        ("promotion", {"promo": {"price": promo}}, _priced(item, promo)),
        ("sold out", {"stock": 0}, _absent(item)),
        ("restocked", {"stock": 50}, _listed(item)),
        ("hidden", {"available": False}, _absent(item)),
        ("shown again", {"available": True}, _listed(item)),
    ):
        body = {"offers": [{"item_id": item, **change}]}
        yield Probe(kind, "POST", _OFFERS, body, _question(item), known)


def _birth(shop: Shop, item: str, number: int) -> Iterator[Probe]:
    """A new item in the category of another one, put and taken out again."""
    new, catalogue = f"newborn-{number}", shop.product.traffic.catalogue
    like = catalogue.item(catalogue.vocabulary.code(item))
    body: dict[str, Any] = {"titles": {"en": f"Newborn {number}"}, "price": 9.5, "stock": 20}
    if like is not None:
        body |= {"category": like.category, "brand": like.brand, "titles": dict(like.titles)}
    path = f"/v1/items/{new}"
    yield Probe("inserted", "PUT", path, body, _question(new), _listed(new))
    yield Probe("removed", "DELETE", path, None, _question(new), _absent(new))


def _question(item: str) -> Json:
    return {
        "filter": f'item_id = "{item}"',
        "num": 1,
        "slot": "any",
        "personalization": "none",
        "fields": ["price"],
        "dry_run": True,
    }


def _shown(answer: Json) -> dict[str, Json]:
    return {row["item_id"]: row for row in answer["items"]}


def _listed(item: str) -> Callable[[Json], bool]:
    return lambda answer: item in _shown(answer)


def _absent(item: str) -> Callable[[Json], bool]:
    return lambda answer: item not in _shown(answer)


def _priced(item: str, price: float) -> Callable[[Json], bool]:
    return lambda answer: _shown(answer).get(item, {}).get("attributes", {}).get("price") == price
