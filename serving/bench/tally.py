"""What a generator counts: answers by kind, latencies, and whoever else wants to see an answer.

Standard library alone: the generator imports it.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from serving.bench.trace import Trace

__all__ = ["LESS", "Answered", "Figures", "Look", "Tally"]

LESS: Final = "200, degraded: "
"""What the kind of an answer begins with that had to do without something."""


class Answered(NamedTuple):
    """One answer. Moments are seconds of `time.perf_counter`, which processes of one machine share."""

    number: int
    """Of the request, in their order."""
    kind: str
    """`200`, `200, degraded: <part>`, another status."""
    sent: float
    ended: float
    body: bytes


Look = Callable[[Answered], None]


@dataclass
class Figures:
    """What a run found. Latencies in ms."""

    seconds: float
    requests: int = 0
    """Answered in full: with 200, and not in the server's own words `degraded`."""
    per_s: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)
    """By status, or what happened to the connection."""
    degraded: int = 0
    """Answered with 200 and less than was asked for: cheap, and so never counted among the requests."""
    degraded_by: dict[str, int] = field(default_factory=dict)
    """The same by what they had to do without."""
    mean_ms: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    p999_ms: float = 0.0
    most_ms: float = 0.0
    client_cpu_share: float = 0.0
    """Share of one core that the generator itself used: near 1 it is the bottleneck."""


class Asked(Protocol):
    """A connection whose answer is whole."""

    number: int
    due: float
    sent: float

    def body(self) -> bytes:
        """What was answered, without the head."""


class Tally:
    """Answers of the measured time."""

    def __init__(self, look: Look | None = None, trace: Trace | None = None) -> None:
        self.latencies: list[float] = []
        self.kinds: Counter[str] = Counter()
        self._look = look
        self._trace = trace

    def note(self, kind: str, connection: Asked) -> None:
        """A whole answer."""
        ended = time.perf_counter()
        latency = ended - connection.due
        self.kinds[kind] += 1
        if kind == "200":
            self.latencies.append(latency)
        if self._trace is not None:
            self._trace.add(connection.due, latency, kind)
        if self._look is not None:
            self._look(Answered(connection.number, kind, connection.sent, ended, connection.body()))

    def failed(self, kind: str, due: float) -> None:
        """No answer came."""
        self.kinds[kind] += 1
        if self._trace is not None:
            self._trace.add(due, time.perf_counter() - due, kind)

    def figures(self, seconds: float, cpu_s: float) -> Figures:
        """Everything so far; `cpu_s` is what the generator used."""
        ordered = sorted(self.latencies)

        def quantile(share: float) -> float:
            return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0

        less = {kind[len(LESS) :]: n for kind, n in self.kinds.items() if kind.startswith(LESS)}
        return Figures(
            seconds=seconds,
            requests=len(ordered),
            per_s=len(ordered) / seconds,
            errors={kind: n for kind, n in self.kinds.items() if kind != "200" and not kind.startswith(LESS)},
            degraded=sum(less.values()),
            degraded_by=less,
            mean_ms=1000 * sum(ordered) / max(len(ordered), 1),
            p50_ms=quantile(0.5),
            p90_ms=quantile(0.9),
            p99_ms=quantile(0.99),
            p999_ms=quantile(0.999),
            most_ms=quantile(1.0),
            client_cpu_share=cpu_s / seconds,
        )
