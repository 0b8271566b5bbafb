"""Where two systems differ: paired differences by slice of shoppers, with what chance explains taken off.

Invariants: differences are challenger minus champion by shopper; a slice of the same shoppers as another, or of
all of them, is no slice of its own; p-values are corrected over the slices that the gate weighs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.metrics import Difference, Interval, adjusted, paired_difference
from training.config import GateConfig
from training.evaluate import Scores, plain_interval

__all__ = ["Rows", "SliceChange", "distinct", "slice_changes"]

Rows = npt.NDArray[np.bool_]

# The smallest bootstrap p-value is 2 / (samples + 1); after Holm it must still be far below the significance.
_SAMPLES_PER_SLICE: Final = 4
_MOST_SAMPLES: Final = 20_000


@dataclass(frozen=True)
class SliceChange:
    """One figure of two systems on one slice."""

    names: tuple[str, ...]
    """One, or several that hold the same shoppers."""
    challenger: Interval
    champion: Interval
    difference: Difference
    p: float
    """Two-sided, corrected over the weighed slices; NaN on a slice that is not weighed."""

    @property
    def name(self) -> str:
        """`1-4 events = new shoppers`."""
        return " = ".join(self.names)

    @property
    def relative(self) -> float:
        """The difference as a share of the champion's figure; NaN where that is zero."""
        return self.difference.mean / self.champion.mean if self.champion.mean else math.nan

    @property
    def weighed(self) -> bool:
        """Whether the gate looks at it."""
        return not math.isnan(self.p)

    def falls(self, significance: float) -> bool:
        """Whether the challenger is worse by more than chance explains."""
        return self.difference.mean < 0 and self.p < significance

    def plain(self) -> dict[str, object]:
        """JSON form."""
        return {
            "slice": self.name,
            "names": self.names,
            "shoppers": self.difference.count,
            "challenger": plain_interval(self.challenger),
            "champion": plain_interval(self.champion),
            "difference": plain_interval(self.difference),
            "relative": None if math.isnan(self.relative) else self.relative,
            "p": self.p if self.weighed else None,
        }


def slice_changes(
    ours: Scores, theirs: Scores, rows: Mapping[str, Rows], metric: str, gate: GateConfig
) -> list[SliceChange]:
    """Every slice of `rows` (name → bool[q] over the questions) that anybody is in, worst first.

    Weighed are the protected slices with enough shoppers; their p-values are corrected together (Holm).
    """
    found = [(names, chosen) for names, chosen in distinct(rows) if chosen.any()]
    weighed = [_weighed(names, len(ours.values(metric, chosen)), gate) for names, chosen in found]
    samples = _samples(ours.resamples, sum(weighed), gate.significance)
    ours, theirs = replace(ours, resamples=samples), replace(theirs, resamples=samples)
    changes = [_change(names, ours, theirs, metric, chosen) for names, chosen in found]
    raw = np.array([change.difference.p_value for change in changes])
    p_values = adjusted(np.where(weighed, raw, np.nan)) if changes else raw
    corrected = [replace(change, p=float(p)) for change, p in zip(changes, p_values, strict=True)]
    return sorted(corrected, key=lambda change: (not change.falls(gate.significance), change.difference.mean))


def distinct(rows: Mapping[str, Rows]) -> list[tuple[tuple[str, ...], Rows]]:
    """The slices that are not everybody, each once with all its names, in their order."""
    kept: dict[bytes, list[str]] = {}
    for name, chosen in rows.items():
        if not chosen.all():
            kept.setdefault(np.packbits(chosen).tobytes(), []).append(name)
    return [(tuple(names), rows[names[0]]) for names in kept.values()]


def _weighed(names: Sequence[str], shoppers: int, gate: GateConfig) -> bool:
    protected = any(fnmatchcase(name, wanted) for name in names for wanted in gate.protected)
    return protected and shoppers >= gate.least_shoppers


def _samples(usual: int, slices: int, significance: float) -> int:
    """Resamples with which a real fall can still be seen among so many slices."""
    return max(usual, min(_MOST_SAMPLES, math.ceil(_SAMPLES_PER_SLICE * 2 * slices / significance)))


def _change(names: tuple[str, ...], ours: Scores, theirs: Scores, metric: str, chosen: Rows) -> SliceChange:
    mine, yours = ours.values(metric, chosen), theirs.values(metric, chosen)
    difference = paired_difference(mine, yours, seed=ours.seed, samples=ours.resamples)
    return SliceChange(
        names, ours.interval(metric, chosen), theirs.interval(metric, chosen), difference, math.nan
    )
