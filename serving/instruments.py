"""Counters, histograms and gauges for Prometheus over shared numbers, about a microsecond an observation.

The client library walks the buckets of every observation in Python and takes two locks, and its own way over several
processes writes files that a supervisor has to tidy up; here only the text format is its work.
Invariants: counters and histograms are sums over all workers and never go back, whichever worker is asked and whoever
died; a gauge is told for each worker, with the label `worker`; `_count` is the sum of the buckets.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from math import nan
from operator import add
from os import getpid
from threading import Event, Lock
from time import monotonic
from typing import Final, Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from serving.shared_numbers import Board, Cells, Page

__all__ = ["Counter", "Gauge", "Histogram", "Instruments", "Series", "Word"]

Numbers = Mapping[str, Sequence[float]]
"""Numbers by key: of one worker, or summed over all."""
_BETWEEN: Final = "\0"
_BEAT: Final = "beat"
_PID: Final = "pid"
_STARTS: Final = "starts"
_BEAT_S: Final = 1.0
_WORD_CELLS: Final = 8
"""64 bytes."""


class Instrument(Protocol):
    """What is asked at a scrape."""

    def family(self, total: Numbers, workers: Mapping[str, Numbers]) -> Metric:
        """The metric as it is now, from sums and from the numbers of each worker by its number."""


M = TypeVar("M", bound=Instrument)


class Counter:
    """Counts by label values, over all workers."""

    def __init__(self, page: Page, name: str, text: str, labels: Sequence[str]) -> None:
        self._page = page
        self._name, self._text, self._labels = name, text, labels
        self._children: dict[tuple[str, ...], Cells] = {}
        self._lock = Lock()

    def inc(self, *values: str, by: float = 1.0) -> None:
        """Add to the count of these label values."""
        cells = self._children.get(values)
        if cells is None:
            cells = self._children[values] = self._page.cells(_key(self._name, values), 1)
        with self._lock:
            cells[0] += by

    def family(self, total: Numbers, workers: Mapping[str, Numbers]) -> Metric:  # noqa: ARG002
        """The sums."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, (count,) in _of(self._name, total):
            family.add_metric(values, count)
        return family


class Series:
    """The observations under one set of label values; safe to share between threads."""

    __slots__ = ("_bounds", "_cells", "_lock")

    def __init__(self, bounds: Sequence[float], cells: Cells) -> None:
        self._bounds = bounds
        self._cells = cells
        self._lock = Lock()

    def observe(self, value: float) -> None:
        """Count one value; a bucket holds what is at most its bound."""
        cells, place = self._cells, bisect_left(self._bounds, value)
        with self._lock:
            cells[place] += 1.0
            cells[-1] += value


class Histogram:
    """Observations by label values, over all workers; `bounds` ascend."""

    def __init__(
        self, page: Page, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._page = page
        self._name, self._text, self._labels = name, text, labels
        self._bounds = tuple(bounds)
        self._series: dict[tuple[str, ...], Series] = {}

    def labels(self, *values: str) -> Series:
        """The series of these label values, made at their first use."""
        found = self._series.get(values)
        if found is None:
            # A cell for each bound, one for what is above, and the sum of all values.
            cells = self._page.cells(_key(self._name, values), len(self._bounds) + 2)
            found = self._series.setdefault(values, Series(self._bounds, cells))
        return found

    def family(self, total: Numbers, workers: Mapping[str, Numbers]) -> Metric:  # noqa: ARG002
        """The sums."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        names = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        for values, (*counts, summed) in _of(self._name, total):
            family.add_metric(values, list(zip(names, accumulate(counts), strict=True)), sum_value=summed)
        return family


class Gauge:
    """A number of each worker as of its last beat; `grows`: seconds since something, which pass meanwhile too."""

    def __init__(self, page: Page, name: str, text: str, read: Callable[[], float], grows: bool) -> None:
        self._name, self._text, self._read, self._grows = name, text, read, grows
        self._cells = page.cells(_key(name, ()), 1)
        self._cells[0] = nan  # what a worker before this one said is over

    def beat(self) -> None:
        """Read it."""
        self._cells[0] = self._read()

    def family(self, total: Numbers, workers: Mapping[str, Numbers]) -> Metric:  # noqa: ARG002
        """One sample a worker."""
        family = GaugeMetricFamily(self._name, self._text, labels=("worker",))
        for worker, numbers in workers.items():
            since = monotonic() - numbers[_BEAT][0] if self._grows else 0.0
            for _, (value,) in _of(self._name, numbers):
                family.add_metric((worker,), value + since)
        return family


class Word:
    """A short text of each worker, told as a label of the number 1."""

    def __init__(self, page: Page, name: str, text: str, label: str) -> None:
        self._name, self._text, self._label = name, text, label
        self._bytes = page.cells(_key(name, ()), _WORD_CELLS).cast("B")
        self.set("")

    def set(self, word: str) -> None:
        """Say it from now on, its first 64 bytes; "" says nothing."""
        size = len(self._bytes)
        self._bytes[:] = word.encode()[:size].ljust(size, b"\0")

    def family(self, total: Numbers, workers: Mapping[str, Numbers]) -> Metric:  # noqa: ARG002
        """One sample for each worker that says something."""
        family = GaugeMetricFamily(self._name, self._text, labels=(self._label, "worker"))
        for worker, numbers in workers.items():
            for _, cells in _of(self._name, numbers):
                word = struct.pack(f"{len(cells)}d", *cells).rstrip(b"\0").decode(errors="replace")
                if word:
                    family.add_metric((word, worker), 1.0)
        return family


class Instruments(Collector):
    """All metrics of one worker, and at a scrape those of the others with them.

    Taking a page over counts as a start of that worker.
    """

    def __init__(self, board: Board, worker: int) -> None:
        self._board = board
        self._page = board.page(worker)
        self._metrics: list[Instrument] = []
        self._gauges: list[Gauge] = []
        self._beat = self._page.cells(_BEAT, 1)
        self._page.cells(_PID, 1)[0] = getpid()
        self._page.cells(_STARTS, 1)[0] += 1
        self.beat()

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """A new counter; its name ends in `_total` at a scrape."""
        return self._kept(Counter(self._page, name, text, labels))

    def histogram(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> Histogram:
        """A new histogram."""
        return self._kept(Histogram(self._page, name, text, labels, bounds))

    def gauge(self, name: str, text: str, read: Callable[[], float], *, grows: bool = False) -> Gauge:
        """A new gauge; `read` is called at each beat, by any thread."""
        self._gauges.append(self._kept(Gauge(self._page, name, text, read, grows)))
        return self._gauges[-1]

    def word(self, name: str, text: str, label: str) -> Word:
        """A new text."""
        return self._kept(Word(self._page, name, text, label))

    def beat(self) -> None:
        """Read every gauge."""
        for gauge in self._gauges:
            gauge.beat()
        self._beat[0] = monotonic()

    def run(self, stop: Event) -> None:
        """Beat until `stop`, for whoever asks another worker; for a thread of its own."""
        while not stop.wait(_BEAT_S):
            self.beat()

    def collect(self) -> Iterator[Metric]:
        """What a scrape reads."""
        self.beat()
        pages = self._board.read()
        workers = {str(number): page for number, page in enumerate(pages, 1) if _STARTS in page}
        total = _summed(pages)
        for metric in self._metrics:
            yield metric.family(total, workers)
        starts = CounterMetricFamily("recsys_worker_starts", "Starts of each worker.", labels=("worker",))
        for worker, numbers in workers.items():
            starts.add_metric((worker,), numbers[_STARTS][0])
        yield starts
        yield from _processes(workers)

    def _kept(self, metric: M) -> M:
        self._metrics.append(metric)
        return metric


def _processes(workers: Mapping[str, Numbers]) -> Iterator[Metric]:
    """CPU, memory and open files of every worker's process, under the names that monitors know."""
    families: dict[str, Metric] = {}
    for worker, numbers in workers.items():
        pid = partial(int, numbers[_PID][0])
        for found in ProcessCollector(pid=pid, registry=None).collect():
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                family.add_sample(sample.name, {"worker": worker}, sample.value)
    yield from families.values()


def _summed(pages: Sequence[Numbers]) -> Numbers:
    total: dict[str, list[float]] = {}
    for page in pages:
        for key, numbers in page.items():
            known = total.get(key)
            total[key] = list(numbers) if known is None else list(map(add, known, numbers))
    return total


def _key(name: str, values: Sequence[str]) -> str:
    return _BETWEEN.join((name, *values))


def _of(name: str, numbers: Numbers) -> Iterator[tuple[list[str], Sequence[float]]]:
    """The numbers of one metric by label values."""
    for key, found in numbers.items():
        first, *values = key.split(_BETWEEN)
        if first == name:
            yield values, found
