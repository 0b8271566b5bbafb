"""`bench swap`: releases are swapped and rolled back under load; nobody may notice, and no memory may stay behind.

Three releases take turns, since the one before stays loaded: going over to the third loads it and gives up the first.
Every other move is a rollback. The releases share half of their items, so that shoppers have a past in all of them,
and have the other half for themselves, so that a mixed answer shows. Fixed questions were answered by every release
before the load began; while the pointer moves, each worker's answers to them must be those of the release they name.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from recsys.catalogue import Catalogue
from serving.bench.calls import Caller
from serving.bench.generator import start
from serving.bench.load import Figures
from serving.bench.marks import Mark, quantile
from serving.bench.processes import Memory
from serving.bench.shop import EVERYWHERE, Shop, Step, open_shop
from serving.bench.trace import Trace
from serving.bench.trend import Trend
from serving.bench.workers import callers
from serving.times import now_ms

__all__ = ["RELEASES", "Move", "Swap", "Swaps", "measure_swap"]

RELEASES: Final = 3
_AGAIN_S: Final = 0.02
_PATIENCE_S: Final = 30.0
_SETTLED: Final = 2 * RELEASES
"""Moves after which every release has been loaded and given up at least once."""
_SETTLING: Final = 1 / 3
"""Share of the run, at least, in which caches fill."""
_AFTERMATH_S: Final = 1.0
"""So long after the last worker has gone over, requests count as asked during a move."""
_LEAST_S: Final = 0.05

Json = dict[str, Any]
Lists = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Swaps:
    """How often, how long."""

    workers: int = 2
    seconds: float = 1800.0
    every_s: float = 60.0
    saturation_s: float = 8.0


@dataclass
class Move:
    """The pointer went from one release to another."""

    rollback: bool
    began: float
    """Moment of `time.perf_counter`."""
    live_s: dict[int, float] = field(default_factory=dict)
    """By worker: until its answers named the new release; a worker that never went over is missing."""

    @property
    def ended(self) -> float:
        """When the last worker had gone over."""
        return self.began + max(self.live_s.values(), default=0.0)


@dataclass
class Swap:
    """What was found."""

    swaps: Swaps
    saturation: Figures
    load: Figures
    asked_per_s: float
    trace: Trace
    belonging: Json
    moves: list[Move]
    missing: int
    """Moves and workers that never went over."""
    strange: int
    """Answers to fixed questions that were not those of the release they named."""
    compared: int
    memory: list[tuple[float, dict[int, Memory]]]
    """Just before each move: (moment, by worker)."""

    def trend(self, name: str = "proportional_mb", worker: int | None = None) -> Trend | None:
        """Of the memory of one worker, or of all, once every release was loaded and given up and caches are full."""
        kept = self.memory[max(_SETTLED, round(_SETTLING * len(self.memory))) :]
        totals = [
            sum(getattr(each, name) for pid, each in found.items() if worker in (None, pid))
            for _, found in kept
        ]
        return Trend.of([moment for moment, _ in kept], totals)

    def marks(self) -> list[Mark]:
        """The figures with what they have to reach."""
        wrong = sum(self.belonging["wrong"].values())
        answers = sum(self.belonging["answers"].values())
        loads = [took for move in self.moves if not move.rollback for took in move.live_s.values()]
        backs = [took for move in self.moves if move.rollback for took in move.live_s.values()]
        return [
            Mark("saturation", self.saturation.per_s, "/s"),
            Mark("asked", self.asked_per_s, "/s", note=f"{self.load.degraded} answered in part"),
            Mark("moves of the pointer", len(self.moves), note=f"{sum(m.rollback for m in self.moves)} back"),
            Mark("errors", sum(self.load.errors.values()), most=0, note=_told(self.load.errors)),
            Mark(
                "mixed answers", wrong, most=0, note=f"{answers:,} looked at {_told(self.belonging['wrong'])}"
            ),
            Mark("answers of no release", self.strange, most=0, note=f"{self.compared:,} compared"),
            Mark("never went over", self.missing, most=0),
            Mark("swap to live, median", quantile(sorted(loads), 0.5), "s"),
            Mark("swap to live, longest", max(loads, default=None), "s"),
            Mark("rollback to live, median", quantile(sorted(backs), 0.5), "s"),
            Mark("rollback to live, longest", max(backs, default=None), "s", most=5.0),
            *self._latencies(),
            *self._memories(),
        ]

    def plain(self) -> Json:
        """Everything, as JSON."""
        during, between = self._split()
        trends = {name: self.trend(name) for name in ("proportional_mb", "private_mb", "resident_mb")}
        return {
            "swaps": asdict(self.swaps),
            "saturation": asdict(self.saturation),
            "load": {"asked_per_s": self.asked_per_s, **asdict(self.load)},
            "belonging": self.belonging,
            "fixed_questions": {"compared": self.compared, "strange": self.strange},
            "moves": [
                {"rollback": move.rollback, "live_s": list(move.live_s.values())} for move in self.moves
            ],
            "during_ms": _quantiles(during),
            "between_ms": _quantiles(between),
            "memory_trend": {
                name: None if trend is None else {**asdict(trend), "flat": trend.flat}
                for name, trend in trends.items()
            },
            "memory_mb": [
                {"at_s": moment - self.memory[0][0], "workers": [asdict(each) for each in found.values()]}
                for moment, found in self.memory
            ],
        }

    def _latencies(self) -> list[Mark]:
        marks = []
        for name, found in zip(("during moves", "between moves"), self._split(), strict=True):
            p50, p99 = (quantile(found, share) for share in (0.5, 0.99))
            note = "" if p50 is None else f"p50 {1000 * p50:.1f} ms; {len(found):,} answers"
            marks.append(Mark(f"p99 {name}", None if p99 is None else 1000 * p99, "ms", note=note))
        return marks

    def _memories(self) -> list[Mark]:
        """The whole server first, then each worker."""
        workers = list(self.memory[-1][1]) if self.memory else []
        return [
            _flat("memory of all", self.trend(), self.swaps.every_s),
            *(
                _flat(f"memory of worker {n}", self.trend(worker=pid), self.swaps.every_s)
                for n, pid in enumerate(workers, 1)
            ),
            _flat("private memory of all", self.trend("private_mb"), self.swaps.every_s),
        ]

    def _split(self) -> tuple[list[float], list[float]]:
        """Seconds that full answers took: during moves, between them; in order of size."""
        during: list[float] = []
        between: list[float] = []
        edges = [(move.began, move.ended + _AFTERMATH_S) for move in self.moves]
        start = 0.0
        for began, ended in edges:
            between += self.trace.latencies(start, began)
            during += self.trace.latencies(began, ended)
            start = ended
        between += self.trace.latencies(start, float("inf"))
        return sorted(during), sorted(between)


def measure_swap(releases: Sequence[Path], swaps: Swaps, step: Step) -> Swap:
    """Swap sealed release folders, at least three.

    Raises:
        BenchError: the server did not start or ended, or a generator failed.
    """
    with open_shop(releases, swaps.workers, EVERYWHERE, step, patient=True) as shop:
        with step("saturation"):
            saturation = shop.saturation(swaps.saturation_s)
        watcher = _Watcher(shop, [release.name for release in releases])
        with step("fixed questions to each release"):
            watcher.learn()
        with step("swaps under load"):
            return _swap(shop, releases, swaps, saturation, watcher)


def _swap(
    shop: Shop, releases: Sequence[Path], swaps: Swaps, saturation: Figures, watcher: "_Watcher"
) -> Swap:
    items_of = {release.name: _item_ids(release) for release in releases}
    (shop.folder / "items").write_text(json.dumps(items_of), encoding="utf-8")
    rate = saturation.per_s / 2
    options = (
        *("--rate", str(rate), "--spread", str(shop.spread), "--trace", str(shop.folder / "trace")),
        *("--releases", str(shop.folder / "items"), "--found", str(shop.folder / "found")),
    )
    memory = []
    with ExitStack() as stack:
        load = start(shop.server, shop.requests, swaps.seconds, options)
        stack.callback(load.stop)
        began = time.perf_counter()
        for number in range(max(1, int(swaps.seconds / swaps.every_s))):
            # In the middle of its share of the time, so that the load lasts beyond the last one.
            due = began + (number + 0.5) * swaps.every_s
            time.sleep(max(due - time.perf_counter(), 0.0))
            by_process = shop.server.memory_by_process()
            memory.append((time.perf_counter(), {pid: by_process[pid] for pid in shop.workers}))
            watcher.move(rollback=number % 2 == 1)
        figures = load.figures()
    return Swap(
        swaps=swaps,
        saturation=saturation,
        load=figures,
        asked_per_s=rate,
        trace=Trace.read([shop.folder / "trace"]),
        belonging=json.loads((shop.folder / "found").read_text(encoding="utf-8")),
        moves=watcher.moves,
        missing=watcher.missing,
        strange=watcher.strange,
        compared=watcher.compared,
        memory=memory,
    )


class _Watcher:
    """Moves the pointer and watches every worker follow."""

    def __init__(self, shop: Shop, releases: Sequence[str]) -> None:
        self._shop = shop
        self._releases = releases
        self._live, self._before = releases[0], releases[-1]
        self._questions = _questions(shop)
        self._known: dict[str, Lists] = {}
        self.moves: list[Move] = []
        self.missing = self.strange = self.compared = 0

    def learn(self) -> None:
        """Go over to every release in turn and keep what it answers; end with the first one."""
        for release in (*self._releases[1:], self._releases[0]):
            self._point(release)
            with callers(self._shop.server, self._shop.workers, self._shop.product.admin_key) as workers:
                for worker in workers.values():
                    self._follow(worker, release, time.perf_counter())
                    self._known.setdefault(release, self._ask(worker)[1])
        self.missing = 0

    def move(self, *, rollback: bool) -> None:
        """Go back to the release before, or on to the one that is not loaded; wait for every worker."""
        unloaded = next(each for each in self._releases if each not in (self._live, self._before))
        target = self._before if rollback else unloaded
        with callers(self._shop.server, self._shop.workers, self._shop.product.admin_key) as workers:
            move = Move(rollback, time.perf_counter())
            self._point(target)
            waiting = dict(workers)
            while waiting and time.perf_counter() - move.began < _PATIENCE_S:
                for pid, worker in list(waiting.items()):
                    if self._names(worker, target):
                        move.live_s[pid] = time.perf_counter() - move.began
                        del waiting[pid]
                time.sleep(_AGAIN_S)
            self.missing += len(waiting)
        self.moves.append(move)

    def _point(self, release: str) -> None:
        """As `recsys promote` and `recsys rollback` do."""
        self._shop.product.stores.online.set_live_release(release, now_ms())
        if release != self._live:
            self._live, self._before = release, self._live

    def _names(self, worker: Caller, target: str) -> bool:
        """Whether a worker's answer names the target; compares what it answers with what that release answers."""
        named, lists = self._ask(worker, 1 + len(self.moves) % (len(self._questions) - 1))
        if None in named or len(set(named)) > 1:
            # Refused, or asked while it went over: several questions see several releases.
            return False
        self.compared += 1
        known = self._known.get(str(named[0]), ())
        self.strange += any(found not in known for found in lists)
        return named[0] == target

    def _follow(self, worker: Caller, release: str, since: float) -> None:
        while set(self._ask(worker)[0]) != {release} and time.perf_counter() - since < _PATIENCE_S:
            time.sleep(_AGAIN_S)

    def _ask(self, worker: Caller, most: int | None = None) -> tuple[list[str | None], Lists]:
        """The release that each answer names (None for a refusal or an answer in part), and the lists."""
        named: list[str | None] = []
        lists = []
        for question in self._questions[:most]:
            reply = worker.call("POST", "/v1/recommendations", question)
            whole = reply.status == 200 and not reply.body["degraded"]
            named.append(reply.body["freshness"]["release_id"] if whole else None)
            lists.append(tuple(row["item_id"] for row in reply.body["items"]) if whole else ())
        return named, tuple(lists)


def _questions(shop: Shop) -> list[Json]:
    """What a stranger, a visitor and product pages ask; nothing of it changes with time."""
    vocabulary, people = shop.product.traffic.catalogue.vocabulary, shop.product.traffic.people
    # Every other item is one that all releases have.
    shared = [code for person in people.visitors for code in person.items if code % 2 == 0][:4] or [0]
    events = [
        {"type": "view", "item_id": vocabulary[code], "timestamp": people.visitors[0].times[0]}
        for code in shared
    ]
    pages: list[Json] = [{"item_ids": [vocabulary[code]]} for code in shared[:2]]
    asked: list[Json] = [
        {"events": events, "slot": "any"},
        *pages,
        {"personalization": "none", "slot": "any"},
    ]
    return [{**question, "seed": 7, "num": 20, "dry_run": True} for question in asked]


def _item_ids(release: Path) -> list[str]:
    vocabulary = Catalogue.load(release / "catalogue").vocabulary
    return [vocabulary[code] for code in range(len(vocabulary))]


def _flat(name: str, trend: Trend | None, every_s: float) -> Mark:
    if trend is None:
        return Mark(f"{name}: growth", None, "%", most=1.0, note=f"needs more than {_SETTLED + 2} moves")
    return Mark(
        f"{name}: growth",
        100 * trend.growth,
        "%",
        most=1.0,
        held=trend.flat,
        note=f"{trend.per_hour:+.2f} ± {trend.error:.2f} MB an hour, {trend.per_hour * every_s / 3600:+.3f} a move; "
        f"mean {trend.mean:.0f} MB",
    )


def _quantiles(ordered: Sequence[float]) -> Json:
    found = {f"p{100 * share:g}": quantile(ordered, share) for share in (0.5, 0.9, 0.99, 0.999)}
    return {name: None if value is None else 1000 * value for name, value in found.items()}


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(counts).items())
