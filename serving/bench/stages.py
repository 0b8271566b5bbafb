"""What a server says of itself: counters and sums from its `/metrics`, as differences between two moments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["Counted"]

_LINE: Final = re.compile(r"^(recsys_\w+?)(?:\{(.*)\})? ([0-9.eE+-]+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Counted:
    """Values by (name, labels in order of name)."""

    values: Mapping[tuple[str, tuple[str, ...]], float]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Prometheus' text format; buckets left out."""
        found = {}
        for name, labels, value in _LINE.findall(text):
            if not name.endswith("_bucket"):
                found[name, tuple(value for _, value in sorted(_LABEL.findall(labels)))] = float(value)
        return cls(found)

    def since(self, before: "Counted") -> "Counted":
        """What was added."""
        return Counted({key: value - before.values.get(key, 0.0) for key, value in self.values.items()})

    def by_label(self, name: str) -> dict[str, float]:
        """Values of a metric by the text of its labels, those that are 0 left out."""
        found = {", ".join(labels): value for (each, labels), value in self.values.items() if each == name}
        return {label: value for label, value in found.items() if value}

    def stage_ms(self, requests: int) -> dict[str, float]:
        """CPU ms of each stage and source per request, the costliest first; a hall runs most of them several times."""
        sums = self.by_label("recsys_stage_seconds_sum")
        shares = {stage: 1000 * seconds / max(requests, 1) for stage, seconds in sums.items()}
        return dict(sorted(shares.items(), key=lambda pair: -pair[1]))
