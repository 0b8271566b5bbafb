"""What a shop and its shoppers write while lists are read: offers in batches, events in batches and one by one.

All of it is prepared before it is sent. Every row has to be acknowledged: what an answer does not count as taken counts
as lost.
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from serving.bench.load import Answered, Figures, open_loop
from serving.bench.processes import BenchError
from serving.bench.product import Product
from serving.bench.traffic import post
from serving.times import now_ms

__all__ = ["Plan", "Writer", "event_writers", "offer_writer"]

_OFFERS_A_CALL: Final = 50
_EVENTS_A_CALL: Final = 25
_SPARE: Final = 1.1
_SPREAD: Final = 8
"""Connections of a writer."""
_COMPLAINTS: Final = 5
_PRICES: Final = 0.7
"""Share of the changes of offers that change the price; the others change the stock."""
_KINDS: Final = ("view", "view", "click", "cart")
_AHEAD_MS: Final = 60_000
"""Events happened up to so long ago."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One request: its rows, and the items that it sells out."""

    content: bytes
    rows: int
    sold_out: tuple[str, ...] = ()


@dataclass
class Writer:
    """Sends prepared requests evenly from a thread of its own; `rows` are asked a second."""

    name: str
    plans: Sequence[Plan]
    rows_per_s: float
    acknowledged: int = 0
    lost: int = 0
    sold_out: dict[str, float] = field(default_factory=dict)
    """Moment at which it was acknowledged that an item is sold out."""
    figures: Figures | None = None
    complaints: list[str] = field(default_factory=list)
    _error: BaseException | None = None

    def start(self, address: tuple[str, int], seconds: float) -> threading.Thread:
        """Begin; join the thread, then look at what came."""
        thread = threading.Thread(target=self._run, args=(address, seconds), name=self.name, daemon=True)
        thread.start()
        return thread

    def reached_per_s(self) -> float:
        """Rows acknowledged a second.

        Raises:
            BenchError: it broke.
        """
        if self.figures is None:
            raise BenchError(f"the writer of {self.name} ended early: {self._error!r}")
        return self.acknowledged / self.figures.seconds

    def _run(self, address: tuple[str, int], seconds: float) -> None:
        rate = self.rows_per_s / (sum(plan.rows for plan in self.plans) / len(self.plans))
        requests = [plan.content for plan in self.plans]
        try:
            self.figures = open_loop(
                address, requests, seconds, rate, spread=_SPREAD, even=True, look=self._look
            )
        except BaseException as error:
            self._error = error

    def _look(self, answered: Answered) -> None:
        plan = self.plans[answered.number]
        taken = _taken(answered)
        self.acknowledged += taken
        self.lost += plan.rows - taken
        if taken == plan.rows:
            for item in plan.sold_out:
                self.sold_out.setdefault(item, answered.ended)
        elif len(self.complaints) < _COMPLAINTS:
            self.complaints.append(f"{answered.kind}: {answered.body[:300].decode(errors='replace')}")


def offer_writer(
    product: Product, rate: float, seconds: float, leave: frozenset[str], sell_out: Sequence[str]
) -> Writer:
    """Changes of offers of random items but `leave`, each of `sell_out` sold out once on the way and never again
    in stock.
    """
    generator, catalogue = np.random.default_rng(1), product.traffic.catalogue
    count = max(1, round(seconds * rate / _OFFERS_A_CALL * _SPARE))
    never = leave.union(sell_out)
    free = np.array([code for code in range(len(catalogue)) if catalogue.vocabulary[code] not in never])
    # All of them within the time, not at its very end.
    ends = np.array_split(np.array(sell_out, object), max(1, round(count / _SPARE * 0.8)))
    plans = []
    for place in range(count):
        gone = tuple(ends[place].tolist()) if place < len(ends) else ()
        codes = generator.choice(free, min(_OFFERS_A_CALL - len(gone), len(free)), replace=False)
        rows = [_change(catalogue.vocabulary[int(code)], catalogue.price[code], generator) for code in codes]
        rows += [{"item_id": item, "stock": 0} for item in gone]
        plans.append(Plan(post("/v1/offers", {"offers": rows}, product.admin_key), len(rows), gone))
    return Writer("offers", plans, rate)


def event_writers(product: Product, rate: float, seconds: float) -> list[Writer]:
    """Events of known shoppers: half of them in batches, half one by one."""
    half = rate / 2
    return [
        _events("events in batches", product, half, seconds, _EVENTS_A_CALL),
        _events("single events", product, half, seconds, 1),
    ]


def _events(name: str, product: Product, rate: float, seconds: float, size: int) -> Writer:
    generator, traffic, now = np.random.default_rng(size), product.traffic, now_ms()
    shoppers, series = traffic.people.shoppers, uuid.uuid4().hex[:8]
    plans = []
    for place in range(max(1, round(seconds * rate / size * _SPARE))):
        events = [
            {
                "event_id": f"{series}-{place}-{row}",
                "type": _KINDS[int(generator.integers(len(_KINDS)))],
                "user_id": shoppers[int(generator.integers(len(shoppers)))].name,
                "item_id": traffic.catalogue.vocabulary[int(generator.integers(len(traffic.catalogue)))],
                "timestamp": now - int(generator.integers(_AHEAD_MS)),
            }
            for row in range(size)
        ]
        plans.append(Plan(post("/v1/events", {"events": events}, product.admin_key), size))
    return Writer(name, plans, rate)


def _change(item_id: str, price: float, generator: np.random.Generator) -> Mapping[str, Any]:
    if generator.random() < _PRICES:
        return {"item_id": item_id, "price": round(float(price) * float(generator.uniform(0.9, 1.1)), 2)}
    return {"item_id": item_id, "stock": int(generator.integers(1, 200))}


def _taken(answered: Answered) -> int:
    """Rows that the answer says were taken."""
    if answered.kind != "200":
        return 0
    said = orjson.loads(answered.body)
    # A change that another one of the same moment has overtaken is known as well.
    return sum(said.get(name, 0) for name in ("accepted", "duplicates", "written", "unchanged", "stale"))
