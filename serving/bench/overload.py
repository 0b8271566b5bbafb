"""`bench overload`: more is asked than can be made, for a while; what is still answered, what the rest gets, and after.

A base load at half of saturation runs all the time, from one generator; for a while a surge comes on top of it.
Arrivals do not depend on answers.
"""

import math
import time
import zlib
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from serving.bench.generator import Running, start
from serving.bench.load import Figures
from serving.bench.marks import Mark, quantile
from serving.bench.processes import Cores
from serving.bench.shop import Shop, Step, open_shop
from serving.bench.trace import Trace
from serving.bench.trend import Trend

__all__ = ["Overload", "Surge", "measure_overload"]

_FULL: Final = "200"
_TRENDING: Final = "200, degraded: overload"
_REFUSED: Final = "503"
_BASE: Final = 0.5
_SETTLED: Final = 0.2
"""Share of the surge after which memory has found its level."""
_PER_CLIENT: Final = 2_500.0
"""Requests a second that one generator surely produces."""
_SAMPLE_S: Final = 1.0
_LEEWAY: Final = 1.2


@dataclass(frozen=True, kw_only=True)
class Surge:
    """How much, how long."""

    factor: float = 3.0
    """Of saturation, base load included."""
    seconds: float = 120.0
    saturation_s: float = 10.0
    calm_s: float = 12.0
    """Of base load alone before the surge."""
    after_s: float = 20.0


@dataclass
class Overload:
    """What was found."""

    surge: Surge
    saturation: Figures
    began: float
    """Moment of `time.perf_counter`."""
    trace: Trace
    """Of the base load and the surge."""
    base: Trace
    clients: list[Figures]
    server_cores: float
    """CPU time of the server during the surge, per second."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(moment, private MB of the server) during the surge: the pages of the release, which it touches bit by bit, are
    not growth."""

    @property
    def ended(self) -> float:
        """When the surge was over."""
        return self.began + self.surge.seconds

    @property
    def by_kind(self) -> dict[str, int]:
        """How what was asked during the surge ended."""
        return self.trace.by_kind(self.began, self.ended)

    @property
    def asked_per_s(self) -> float:
        """What was really asked."""
        return sum(self.by_kind.values()) / self.surge.seconds

    @property
    def goodput(self) -> float:
        """Full answers a second during the surge, as a share of those at saturation."""
        return self.by_kind.get(_FULL, 0) / self.surge.seconds / max(self.saturation.per_s, 1e-9)

    @property
    def failures(self) -> dict[str, int]:
        """What nobody should see: broken connections, other statuses, refusals without a time to retry."""
        expected = (_FULL, _REFUSED)
        return {
            kind: count
            for kind, count in self.by_kind.items()
            if kind not in expected and not kind.startswith("200")
        }

    def served_ms(self, share: float) -> float | None:
        """Latency of full answers during the surge."""
        found = quantile(self.trace.latencies(self.began, self.ended), share)
        return None if found is None else 1000 * found

    def calm_ms(self) -> list[float]:
        """p99 of the base load in each second before the surge."""
        return self._p99s(self.began - int(self.surge.calm_s) + 1, self.began)

    def recovery_s(self) -> float | None:
        """Seconds after the surge until two seconds in a row are like the worst one before it, or a little above;
        None when that did not come.
        """
        usual = max(self.calm_ms(), default=0.0) * _LEEWAY
        calm = [found <= usual for found in self._p99s(self.ended, self.ended + self.surge.after_s)]
        return next((float(second) for second, pair in enumerate(pairwise(calm)) if all(pair)), None)

    def trend(self) -> Trend | None:
        """Of the server's memory, once it has found its level."""
        kept = [pair for pair in self.memory if pair[0] >= self.began + _SETTLED * self.surge.seconds]
        return Trend.of([moment for moment, _ in kept], [found for _, found in kept])

    def marks(self) -> list[Mark]:
        """The figures with what they have to reach."""
        kinds, trend = self.by_kind, self.trend()
        asked = max(sum(kinds.values()), 1)
        failed = sum(self.failures.values())
        calm = sorted(self.calm_ms())
        return [
            Mark("saturation, full answers", self.saturation.per_s, "/s"),
            Mark("asked", self.asked_per_s, "/s", note=self._asked_note()),
            Mark("goodput by saturation", self.goodput, least=0.8),
            Mark("p50 of full answers", self.served_ms(0.5), "ms"),
            Mark("p99 of full answers", self.served_ms(0.99), "ms", most=50.0),
            Mark("full answers", 100 * kinds.get(_FULL, 0) / asked, "%"),
            Mark("prepared trending list", 100 * kinds.get(_TRENDING, 0) / asked, "%"),
            Mark("503 with Retry-After", 100 * kinds.get(_REFUSED, 0) / asked, "%"),
            Mark("anything else", failed, most=0, note=_counts(self.failures)),
            Mark("p99 a second, before", quantile(calm, 0.5), "ms", note=f"worst {max(calm, default=0):.1f}"),
            Mark("recovery of p99", self.recovery_s(), "s", most=10.0),
            Mark(
                "private memory, growth during the surge",
                None if trend is None else 100 * trend.growth,
                "%",
                most=1.0,
                held=None if trend is None else trend.flat,
                note="" if trend is None else f"{trend.per_hour:+.1f} ± {trend.error:.1f} MB an hour",
            ),
            Mark("server, cores", self.server_cores),
        ]

    def plain(self) -> dict[str, Any]:
        """Everything, as JSON."""
        trend = self.trend()
        return {
            "surge": asdict(self.surge),
            "saturation": asdict(self.saturation),
            "asked_per_s": self.asked_per_s,
            "goodput": self.goodput,
            "answers": self.by_kind,
            "p50_ms": self.served_ms(0.5),
            "p99_ms": self.served_ms(0.99),
            "p99_ms_by_second_before": self.calm_ms(),
            "p99_ms_by_second_after": self._p99s(self.ended, self.ended + self.surge.after_s),
            "recovery_s": self.recovery_s(),
            "memory": None if trend is None else asdict(trend),
            "server_cores": self.server_cores,
            "clients": [asdict(each) for each in self.clients],
        }

    def _p99s(self, since: float, until: float) -> list[float]:
        """p99 (ms) of the base load in each second, its partial answers and refusals left out; a second without a
        full answer is endlessly slow.
        """
        found = []
        for second in range(int(until - since)):
            p99 = quantile(self.base.latencies(since + second, since + second + 1), 0.99)
            found.append(math.inf if p99 is None else 1000 * p99)
        return found

    def _asked_note(self) -> str:
        busiest = max(each.client_cpu_share for each in self.clients)
        wanted = self.surge.factor * self.saturation.per_s
        return f"{wanted:,.0f} wanted; busiest generator {busiest:.2f} of a core"


def measure_overload(release: Path, surge: Surge, cores: Cores, step: Step) -> Overload:
    """Measure a sealed release folder, one worker on a core of its own.

    Raises:
        BenchError: the server did not start or ended, or a generator failed.
    """
    with open_shop([release], 1, cores, step) as shop:
        with step("saturation"):
            saturation = shop.saturation(surge.saturation_s)
        with step("surge"):
            return _surge(shop, surge, saturation)


def _surge(shop: Shop, surge: Surge, saturation: Figures) -> Overload:
    base_s = surge.calm_s + surge.seconds + surge.after_s
    with ExitStack() as stack:
        base = _client(shop, stack, "base", base_s, _BASE * saturation.per_s)
        time.sleep(surge.calm_s)
        rate = (surge.factor - _BASE) * saturation.per_s
        count = 1 if rate <= _PER_CLIENT else 2
        clients = [_client(shop, stack, f"surge-{n}", surge.seconds, rate / count) for n in range(count)]
        began, cpu = time.perf_counter(), shop.server.cpu_seconds()
        memory = []
        while (now := time.perf_counter()) < began + surge.seconds:
            memory.append((now, shop.server.memory().private_mb))
            time.sleep(min(_SAMPLE_S, max(began + surge.seconds - now, 0.01)))
        cpu = shop.server.cpu_seconds() - cpu
        figures = [client.figures() for client in (*clients, base)]
    files = {path.stem: path for path in shop.folder.glob("*.trace")}
    surges = Trace.read([path for name, path in files.items() if name != "base"])
    # A generator takes a moment to start: the surge is when it asked.
    began = min(surges.rows[0::3], default=began)
    return Overload(
        surge=surge,
        saturation=saturation,
        began=began,
        trace=Trace.read(list(files.values())),
        base=Trace.read([files["base"]]),
        clients=figures,
        server_cores=cpu / surge.seconds,
        memory=memory,
    )


def _client(shop: Shop, stack: ExitStack, name: str, seconds: float, rate: float) -> Running:
    options = (
        *("--rate", str(rate), "--impatient", "--seed", str(zlib.crc32(name.encode()))),
        *("--trace", str(shop.folder / f"{name}.trace")),
    )
    running = start(shop.server, shop.requests, seconds, options)
    stack.callback(running.stop)
    return running


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items())
