"""The measurement: floor, peer and product under the same generator, in turns, one machine, one run.

Servers share one core and take turns on it, round by round, so that whatever else the machine does hits all of them;
ratios are medians of ratios within a round. Latency is measured after that, at half of what each one can do.
"""

import http.client
import json
import statistics
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from recsys.arrays import load_array, save_arrays
from recsys.config import ReleaseConfig
from serving.bench.generator import paced, saturate
from serving.bench.load import Figures, write_requests
from serving.bench.processes import BenchError, Cores, Memory, Server
from serving.bench.product import Product, prepared
from serving.bench.stages import Counted

__all__ = ["Load", "Run", "SystemFigures", "measure"]

Step = Callable[[str], AbstractContextManager[object]]

_REQUESTS: Final = 20_000
_PROBES: Final = 60
_WARM_UP_S: Final = 2.0
_FLOOR: Final = "from serving.bench.floor import main; main()"
_PEER: Final = "from serving.bench.peer import main; main()"


@dataclass(frozen=True, kw_only=True)
class Load:
    """How hard and how long."""

    seconds: float = 12.0
    """Of saturation, and again at half of it, for each system."""
    rounds: int = 3
    connections: int = 8
    """Enough to keep one core busy; more only wait longer."""


@dataclass
class SystemFigures:
    """What was measured of one system."""

    start_s: float
    """From the start of its process until it was ready."""
    saturation: list[Figures] = field(default_factory=list)
    """One a round."""
    half: Figures | None = None
    """At half of the median of these."""
    cpu_ms: float = 0.0
    """CPU ms of the server per request answered in full, under saturation."""
    half_cpu_ms: float = 0.0
    """The same at half of it."""
    memory: Memory | None = None
    _cpu_s: float = 0.0

    @property
    def core_share(self) -> float:
        """Share of a core that the server got under saturation: far below 1 others took it, and rates say little."""
        return self._cpu_s / max(sum(figures.seconds for figures in self.saturation), 1e-9)

    @property
    def per_s(self) -> float:
        """Requests a second at saturation."""
        return statistics.median(figures.per_s for figures in self.saturation)

    @property
    def degraded(self) -> int:
        """Answers that were less than what was asked for, over everything."""
        return sum(figures.degraded for figures in self._every)

    @property
    def errors(self) -> dict[str, int]:
        """Answers that were not 200, by kind, over everything."""
        kinds = sorted({kind for figures in self._every for kind in figures.errors})
        return {kind: sum(figures.errors.get(kind, 0) for figures in self._every) for kind in kinds}

    @property
    def _every(self) -> list[Figures]:
        return [*self.saturation, *([self.half] if self.half else [])]

    def saturated(self, figures: Figures, cpu_s: float) -> None:
        """Add a round."""
        self.saturation.append(figures)
        self._cpu_s += cpu_s
        self.cpu_ms = 1000 * self._cpu_s / max(sum(each.requests for each in self.saturation), 1)


@dataclass
class Run:
    """One release under load."""

    release_id: str
    items: int
    synthetic: bool
    systems: dict[str, SystemFigures]
    stages_ms: dict[str, float]
    """CPU ms of each stage and source per request, at half of saturation; sources are part of a stage."""
    answers: dict[str, float]
    """Lists answered at half of saturation, by fallback level."""
    degraded: dict[str, float]
    """Of those, answered without a part or late, by part."""
    empty_lists: int
    """Among the probes asked before anything was measured."""
    probes: int

    @property
    def outside_ms(self) -> float:
        """CPU ms per request at half of saturation that no stage accounts for: HTTP, store, JSON, notes, logs."""
        sources = ReleaseConfig().retrieval.candidates
        inside = sum(spent for stage, spent in self.stages_ms.items() if stage not in sources)
        return self.systems["ours"].half_cpu_ms - inside

    def ratio(self, other: str) -> float:
        """Requests a second of ours relative to another system's: the median over rounds."""
        rounds = zip(self.systems["ours"].saturation, self.systems[other].saturation, strict=True)
        return statistics.median(ours.per_s / max(theirs.per_s, 1e-9) for ours, theirs in rounds)

    def cpu_ratio(self, other: str) -> float:
        """The same by CPU time per request, which neighbours on the machine disturb less."""
        return self.systems[other].cpu_ms / max(self.systems["ours"].cpu_ms, 1e-9)


def measure(release: Path, load: Load, cores: Cores, step: Step) -> Run:
    """Measure a sealed release folder beside floor and peer.

    Raises:
        BenchError: a server did not start or ended, the generator failed, or the product refuses what it is asked.
    """
    with ExitStack() as stack:
        with step("store, shoppers and requests"):
            product = stack.enter_context(prepared(release))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rb")))
            requests = _requests(product, folder)
        with step("start servers"):
            servers = _servers(release, product, folder, cores)
            for server in servers.values():
                stack.enter_context(server)
        empty = _probe(servers["ours"], product)
        figures = {name: SystemFigures(server.ready_s) for name, server in servers.items()}
        with step("saturation"):
            _saturate(servers, requests, load, figures)
        before = _counted(servers["ours"])
        with step("latency at half of it"):
            _pace(servers, requests, load, figures)
        counted, half = _counted(servers["ours"]).since(before), figures["ours"].half
        return Run(
            release_id=release.name,
            items=len(product.traffic.catalogue),
            synthetic=_is_synthetic(release),
            systems=figures,
            stages_ms=counted.stage_ms(half.requests if half else 0),
            answers=counted.by_label("recsys_answers_total"),
            degraded=counted.by_label("recsys_degraded_total"),
            empty_lists=empty,
            probes=_PROBES,
        )


def _servers(release: Path, product: Product, folder: Path, cores: Cores) -> dict[str, Server]:
    save_arrays(folder, factors=np.array(load_array(release / "als" / "index", "vectors"), np.float32))
    return {
        "floor": Server("floor", _FLOOR, ("{port}",), cores=cores, folder=folder),
        "peer": Server("peer", _PEER, (str(folder), "{port}"), cores=cores, folder=folder),
        "ours": product.server(cores),
    }


def _requests(product: Product, folder: Path) -> dict[str, Path]:
    traffic = product.traffic
    made = {
        "floor": traffic.to_floor(_REQUESTS),
        "peer": traffic.to_peer(_REQUESTS),
        "ours": traffic.ours(_REQUESTS),
    }
    for name, requests in made.items():
        write_requests(folder / f"{name}.requests", requests)
    return {name: folder / f"{name}.requests" for name in made}


def _saturate(
    servers: dict[str, Server], requests: dict[str, Path], load: Load, figures: dict[str, SystemFigures]
) -> None:
    for name, server in servers.items():
        saturate(server, requests[name], _WARM_UP_S, load.connections)
    for _ in range(load.rounds):
        for name, server in servers.items():
            cpu_s = server.cpu_seconds()
            found = saturate(server, requests[name], load.seconds / load.rounds, load.connections)
            figures[name].saturated(found, server.cpu_seconds() - cpu_s)


def _pace(
    servers: dict[str, Server], requests: dict[str, Path], load: Load, figures: dict[str, SystemFigures]
) -> None:
    for name, server in servers.items():
        cpu_s = server.cpu_seconds()
        half = paced(server, requests[name], load.seconds, figures[name].per_s / 2)
        cpu_s = server.cpu_seconds() - cpu_s
        figures[name].half = half
        figures[name].half_cpu_ms = 1000 * cpu_s / max(half.requests, 1)
        figures[name].memory = server.memory()


def _probe(server: Server, product: Product) -> int:
    """Ask a few of the requests and look at the answers; returns how many lists were empty.

    Raises:
        BenchError: one was refused, with what was said.
    """
    connection, empty = http.client.HTTPConnection(*server.address, timeout=30), 0
    for request in product.traffic.ours(_PROBES):
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise BenchError(f"{method} {path} {body.decode()[:200]} was refused: {said.decode()[:500]}")
        empty += not json.loads(said).get("items", True)
    connection.close()
    return empty


def _counted(server: Server) -> Counted:
    return Counted.parse(server.get("/metrics").decode())


def _is_synthetic(release: Path) -> bool:
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    return "synthetic" in manifest["data"]
