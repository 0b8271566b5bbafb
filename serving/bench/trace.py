"""A row per answer: when its request was due, how long it took, what came; written by the generator, read by reports.

Standard library alone: the generator imports it.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

__all__ = ["Trace"]

_ROW: Final = 3


@dataclass
class Trace:
    """Rows (due, latency, place of the kind in `kinds`) one behind another. Seconds of `time.perf_counter`."""

    kinds: list[str] = field(default_factory=list)
    rows: "array[float]" = field(default_factory=lambda: array("d"))
    _places: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows) // _ROW

    def add(self, due: float, latency: float, kind: str) -> None:
        """One answer, or the end of waiting for one."""
        place = self._places.get(kind)
        if place is None:
            place = self._places[kind] = len(self.kinds)
            self.kinds.append(kind)
        self.rows.extend((due, latency, place))

    def write(self, path: Path) -> None:
        """The kinds in the first line, the rows behind it."""
        path.write_bytes(json.dumps(self.kinds).encode() + b"\n" + self.rows.tobytes())

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Self:
        """Several generators' rows together."""
        whole = cls()
        for path in paths:
            head, _, raw = path.read_bytes().partition(b"\n")
            kinds, rows = json.loads(head), array("d")
            rows.frombytes(raw)
            for due, latency, place in zip(rows[::_ROW], rows[1::_ROW], rows[2::_ROW], strict=True):
                whole.add(due, latency, kinds[int(place)])
        return whole

    def latencies(self, since: float, until: float, kind: str = "200") -> list[float]:
        """Seconds that requests due in [since, until) took to be answered so, in order of size."""
        place = self._places.get(kind, -1)
        return sorted(took for due, took, found in self._each() if found == place and since <= due < until)

    def by_kind(self, since: float, until: float) -> dict[str, int]:
        """How many requests due in [since, until) ended how."""
        counts = dict.fromkeys(range(len(self.kinds)), 0)
        for due, _, place in self._each():
            if since <= due < until:
                counts[int(place)] += 1
        return {self.kinds[place]: count for place, count in counts.items() if count}

    def _each(self) -> "zip[tuple[float, float, float]]":
        return zip(self.rows[::_ROW], self.rows[1::_ROW], self.rows[2::_ROW], strict=True)
