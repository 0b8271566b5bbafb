"""`bench freshness`: how soon every worker's lists know of an event and of a change of an offer, while it is busy.

Reads run at half of saturation, the shop changes offers, shoppers post events; single changes are followed on every
worker, and every answer of the reads is looked at: an item that was sold out for longer than the mark allows may be in
none of them.
"""

import json
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from serving.bench.generator import start
from serving.bench.load import Answered, Figures, closed_loop, read_requests
from serving.bench.looks import items_shown
from serving.bench.marks import Mark, quantile
from serving.bench.probes import Followed, Prober, event_probes, offer_probes
from serving.bench.processes import BenchError
from serving.bench.shop import EVERYWHERE, Shop, Step, open_shop
from serving.bench.stages import Counted
from serving.bench.writers import Writer, event_writers, offer_writer

__all__ = ["Freshness", "Pressure", "measure_freshness"]

EVENT_S: Final = 0.1
OFFER_S: Final = 2.0
_OWN: Final = "own event"
_HELD: Final = 0.95
"""Share of an asked rate that counts as held."""
_LOOK_S: Final = 1.0
_PROBED: Final = 40
"""Items that probes change."""
_MOST_SOLD_OUT: Final = 300
_SHARE_SOLD_OUT: Final = 0.05
_LAG_EVERY_S: Final = 2.0
_AFTER_S: Final = OFFER_S + 1.0
"""Reads go on so long after the last change."""


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """What goes on meanwhile."""

    workers: int = 2
    seconds: float = 30.0
    saturation_s: float = 8.0
    reads_rate: float | None = None
    """A second; half of saturation when None."""
    offers_rate: float = 1000.0
    events_rate: float = 500.0


@dataclass
class Freshness:
    """What was found."""

    pressure: Pressure
    saturation: Figures | None
    reads: Figures
    reads_asked: float
    writers: list[Writer]
    followed: list[Followed]
    answers: int
    """Of the reads, all of which were looked at."""
    violations: int
    """Answers to requests sent more than the mark after an item's end was acknowledged, that showed it."""
    sightings: int
    """Answers that showed, before, an item that was sold out later: without any the check would mean nothing."""
    server_cores: float
    lag_s: list[float]
    """How long ago, in the server's own words, a worker had read every change; the longest among them, every two
    seconds.
    """
    broken_probes: int = 0
    """Given up because a worker hung up meanwhile."""

    def marks(self) -> list[Mark]:
        """The figures with what they have to reach."""
        kinds = {followed.kind: followed for followed in self.followed}
        offers = [followed for kind, followed in kinds.items() if kind != _OWN]
        return [
            *self._rates(),
            *_latencies(kinds.get(_OWN, Followed(_OWN)), EVENT_S),
            *_latencies(_together(offers), OFFER_S),
            *(_latencies(followed, OFFER_S)[1] for followed in offers),
            Mark("sold out and shown later than that", self.violations, most=0, note=self._sold_out_note()),
            Mark("lag of a catalogue, as told, longest", max(self.lag_s, default=None), "s"),
        ]

    def plain(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "pressure": asdict(self.pressure),
            "saturation": None if self.saturation is None else asdict(self.saturation),
            "reads": {"asked_per_s": self.reads_asked, **asdict(self.reads)},
            "writers": {
                writer.name: {
                    "asked_per_s": writer.rows_per_s,
                    "acknowledged_per_s": writer.reached_per_s(),
                    "acknowledged": writer.acknowledged,
                    "lost": writer.lost,
                    "complaints": writer.complaints,
                    "calls": None if writer.figures is None else asdict(writer.figures),
                }
                for writer in self.writers
            },
            "probes": {followed.kind: _plain(followed) for followed in self.followed},
            "probes_given_up": self.broken_probes,
            "answers_looked_at": self.answers,
            "sold_out_items": sum(len(writer.sold_out) for writer in self.writers),
            "sold_out_violations": self.violations,
            "catalogue_lag_s": self.lag_s,
            "server_cores": self.server_cores,
        }

    def _rates(self) -> list[Mark]:
        reads, asked = self.reads, self.reads_asked
        all_answers = (reads.requests + reads.degraded) / reads.seconds
        note = f"p50 {reads.p50_ms:.1f} p99 {reads.p99_ms:.1f} ms; in part {reads.degraded}"
        rates = [Mark("reads", all_answers, "/s", least=round(_HELD * asked, 1), note=note)]
        for writer in self.writers:
            wanted = _HELD * writer.rows_per_s
            calls = writer.figures
            note = f"lost {writer.lost}" + (f"; p99 of a call {calls.p99_ms:.0f} ms" if calls else "")
            rates.append(Mark(writer.name, writer.reached_per_s(), "/s", least=wanted, note=note))
        errors = Counter(reads.errors)
        for writer in self.writers:
            errors.update(writer.figures.errors if writer.figures else {})
        # The surplus is refused by design, and told apart.
        refused = errors.pop("503", 0)
        lost = sum(writer.lost for writer in self.writers)
        told = ", ".join(f"{kind} {count}" for kind, count in errors.items())
        rates += [
            Mark("errors and lost rows", errors.total() + lost, most=0, note=told),
            Mark("refused (503)", refused),
            Mark("server, cores", self.server_cores),
        ]
        if self.saturation is not None:
            rates.insert(0, Mark("saturation", self.saturation.per_s, "/s"))
        return rates

    def _sold_out_note(self) -> str:
        items = sum(len(writer.sold_out) for writer in self.writers)
        return f"{items} items sold out, shown {self.sightings} times before; {self.answers:,} answers"


def measure_freshness(release: Path, pressure: Pressure, step: Step) -> Freshness:
    """Measure a sealed release folder.

    Raises:
        BenchError: the server did not start or ended, a generator failed, or a probe broke.
    """
    with open_shop([release], pressure.workers, EVERYWHERE, step) as shop:
        saturation = None
        if pressure.reads_rate is None:
            with step("saturation"):
                saturation = shop.saturation(pressure.saturation_s)
        rate = pressure.reads_rate or (saturation.per_s / 2 if saturation else 0.0)
        with step("what is shown"):
            shown = _shown_now(shop)
        with step("reads, writes and probes"):
            return _press(shop, pressure, rate, saturation, shown)


def _shown_now(shop: Shop) -> list[str]:
    """Items that the reads get, the most frequent first."""
    counts: Counter[str] = Counter()

    def look(answered: Answered) -> None:
        counts.update(items_shown(answered.body))

    closed_loop(shop.server.address, read_requests(shop.requests), _LOOK_S, shop.spread, look=look)
    if not counts:
        raise BenchError("no list shows anything")
    return [item for item, _ in counts.most_common()]


def _press(
    shop: Shop, pressure: Pressure, rate: float, saturation: Figures | None, shown: list[str]
) -> Freshness:
    most = min(_MOST_SOLD_OUT, max(1, int(_SHARE_SOLD_OUT * len(shop.product.traffic.catalogue))))
    sell_out = shown[:most]
    others = [item for item in shown if item not in sell_out] or shown
    probed, clicked = others[:_PROBED], others[_PROBED : 3 * _PROBED] or others
    offers = offer_writer(
        shop.product, pressure.offers_rate, pressure.seconds, frozenset((*probed, *clicked)), sell_out
    )
    writers = [offers, *event_writers(shop.product, pressure.events_rate, pressure.seconds)]
    probers = [Prober(shop, event_probes(clicked)), Prober(shop, offer_probes(shop, probed))]
    (shop.folder / "watch").write_text(json.dumps(sell_out), encoding="utf-8")
    with ExitStack() as stack:
        options = (
            *("--rate", str(rate), "--spread", str(shop.spread)),
            *("--watch", str(shop.folder / "watch"), "--found", str(shop.folder / "found")),
        )
        reads = start(shop.server, shop.requests, pressure.seconds + _AFTER_S, options)
        stack.callback(reads.stop)
        over = threading.Event()
        stack.callback(over.set)
        cpu, began = shop.server.cpu_seconds(), time.perf_counter()
        threads = [writer.start(shop.server.address, pressure.seconds) for writer in writers]
        threads += [prober.start(over) for prober in probers]
        lags = _lags(shop, began + pressure.seconds)
        elapsed, cpu = time.perf_counter() - began, shop.server.cpu_seconds() - cpu
        over.set()
        for thread in threads:
            thread.join()
        figures = reads.figures()
    for prober in probers:
        if prober.error is not None:
            raise BenchError(f"a probe broke: {prober.error!r}")
    found = json.loads((shop.folder / "found").read_text(encoding="utf-8"))
    late, early = _judged(found["seen"], offers.sold_out)
    return Freshness(
        pressure=pressure,
        saturation=saturation,
        reads=figures,
        reads_asked=rate,
        writers=writers,
        followed=[followed for prober in probers for followed in prober.followed.values()],
        answers=found["answers"],
        violations=late,
        sightings=early,
        server_cores=cpu / elapsed,
        lag_s=lags,
        broken_probes=sum(prober.broken for prober in probers),
    )


def _lags(shop: Shop, until: float) -> list[float]:
    """Ask for the lag until a moment."""
    found = []
    while (left := until - time.perf_counter()) > 0:
        time.sleep(min(_LAG_EVERY_S, left))
        told = Counted.parse(shop.server.get("/metrics").decode()).by_label("recsys_catalogue_lag_seconds")
        found.append(max(told.values(), default=0.0))
    return found


def _judged(seen: list[tuple[str, float]], sold_out: dict[str, float]) -> tuple[int, int]:
    """How often an item was shown later than the mark allows after its end, and how often before its end."""
    late = sum(moment > sold_out.get(item, float("inf")) + OFFER_S for item, moment in seen)
    early = sum(moment < sold_out.get(item, 0.0) for item, moment in seen)
    return late, early


def _together(all_followed: list[Followed]) -> Followed:
    """Every kind of change that lists show at all; the others have lines of their own."""
    together = Followed("change of an offer, all kinds")
    for followed in all_followed:
        together.seconds += followed.seconds
        together.at_once += followed.at_once
        together.never += followed.never
        together.refused += followed.refused
    return together


def _latencies(followed: Followed, most_s: float) -> list[Mark]:
    """Two lines; what never showed, or was refused, fails the mark whatever the others took."""
    ordered = sorted(followed.seconds)
    p50, p99 = quantile(ordered, 0.5), quantile(ordered, 0.99)
    note = f"{len(ordered)} probes × workers; {followed.at_once} known to the first answer"
    if followed.never:
        note = "not listed" if not ordered else f"{note}; {followed.never} never"
    if followed.refused:
        note = f"{note}; {len(followed.refused)} refused"
    missed = bool(followed.never or followed.refused or p99 is None)
    return [
        Mark(f"{followed.kind} p50", None if p50 is None else 1000 * p50, "ms"),
        Mark(
            f"{followed.kind} p99",
            None if p99 is None else 1000 * p99,
            "ms",
            most=1000 * most_s,
            held=False if missed else None,
            note=note,
        ),
    ]


def _plain(followed: Followed) -> dict[str, Any]:
    ordered = sorted(followed.seconds)
    return {
        "count": len(ordered),
        **{f"p{share}_s": quantile(ordered, share / 100) for share in (50, 90, 99)},
        "most_s": max(ordered, default=None),
        "known_to_first_answer": followed.at_once,
        "never": followed.never,
        "refused": followed.refused,
    }
