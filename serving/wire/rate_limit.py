"""Token buckets in memory: how often a browser key may call, per key and address.

Invariants: a bucket holds at most `burst` calls and refills at `per_second`; the least recently used buckets are
forgotten past `capacity`, so that a flood of addresses costs bounded memory. Limits are per process.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic

__all__ = ["TokenBuckets"]


class TokenBuckets:
    """One bucket per caller. `clock` gives seconds that never go back."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        capacity: int = 50_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, caller: Hashable) -> float:
        """Take one call; returns 0.0, or the seconds until the caller may try again (nothing is taken then)."""
        now = self._clock()
        with self._lock:
            left, seen_at = self._buckets.pop(caller, (self._burst, now))
            left = min(self._burst, left + (now - seen_at) * self._per_second)
            allowed = left >= 1.0
            self._buckets[caller] = (left - 1.0 if allowed else left, now)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self._per_second

    def __len__(self) -> int:
        return len(self._buckets)
