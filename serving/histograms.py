"""Histograms for Prometheus that cost a request about a microsecond an observation.

The client library walks the buckets of every observation in Python and takes two locks; a list has a dozen of them.
Invariant: what is collected adds up: `_count` is the sum of the buckets.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

__all__ = ["Histogram", "Series"]


class Series:
    """The observations under one set of label values; safe to share between threads."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, value: float) -> None:
        """Count one value; a bucket holds what is at most its bound."""
        place = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[place] += 1
            self._sum += value

    def read(self) -> tuple[list[int], float]:
        """Counts by bucket, the last one above every bound, and the sum of all values."""
        with self._lock:
            return list(self._counts), self._sum


class Histogram(Collector):
    """One metric with its labels; `bounds` ascend."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._bounds = tuple(bounds)
        self._series: dict[tuple[str, ...], Series] = {}

    def labels(self, *values: str) -> Series:
        """The series of these label values, made at their first use."""
        found = self._series.get(values)
        return found if found is not None else self._series.setdefault(values, Series(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What a scrape reads."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        names = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        for values, series in list(self._series.items()):
            counts, total = series.read()
            buckets = list(zip(names, map(float, accumulate(counts)), strict=True))
            family.add_metric(values, buckets, sum_value=total)
        yield family
