"""Decides whether a release may go live: the data must be sound, and it must not be worse than what is live.

Invariants: every reason names its figure; a comparison that cannot be made, or on too few shoppers to show anything,
is a refusal, not a pass; what is not weighed is said; the first release has no champion to lose against. What may not
fall: the figure on all items and on new ones, the figure on every protected slice of shoppers (corrected for their
number), coverage; what may not rise: latency, size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.errors import ReleaseError
from recsys.metrics import Interval
from training.compare import Comparison
from training.config import GateConfig
from training.errors import CannotCompareError, GateRefusedError, TooLittleDataError, UnknownReleaseError
from training.exam import PARTS, Part

__all__ = ["Verdict", "against_figures", "judge", "judge_first", "not_weighed"]


@dataclass(frozen=True)
class Verdict:
    """The gate's answer; it passes when there is no reason against."""

    reasons: tuple[str, ...]
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()
    """What the gate did not weigh, and why."""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the release."""
        return not self.reasons

    def require(self, release_id: str) -> None:
        """Raise GateRefusedError with the reasons and the notes, if there are reasons."""
        if self.reasons:
            raise GateRefusedError(
                f"release {release_id!r} is not promoted: {'; '.join((*self.reasons, *self.notes))}. "
                f"To make it live all the same: recsys promote {release_id} --force"
            )


def judge_first(failed_checks: Sequence[str], config: GateConfig) -> Verdict:
    """A release without a champion before it: only the data can speak against it."""
    return Verdict(_against_data(failed_checks, config))


def judge(failed_checks: Sequence[str], compared: Callable[[], Comparison], config: GateConfig) -> Verdict:
    """Weigh data checks and the comparison with the champion; `compared` makes it."""
    against_data = _against_data(failed_checks, config)
    try:
        comparison = compared()
    except (CannotCompareError, TooLittleDataError, UnknownReleaseError, ReleaseError) as error:
        return Verdict((*against_data, f"it cannot be compared with the champion: {error}"))
    reasons = (*against_data, *against_figures(comparison, config))
    return Verdict(reasons, comparison, not_weighed(comparison, config))


def against_figures(comparison: Comparison, config: GateConfig) -> tuple[str, ...]:
    """What a comparison says against the challenger, one reason for each figure; empty when it may pass.

    With fewer than `least_shoppers` shoppers on all items the only reason is that they are too few: neither a fall nor
    its absence would mean anything.
    """
    shoppers = _shoppers(comparison, "all", config)
    if shoppers < config.least_shoppers:
        name = comparison.champion.release_id
        few = f"{shoppers} shoppers answer, fewer than gate.least_shoppers = {config.least_shoppers}; wait for more"
        return (f"it cannot be compared with champion {name!r}: {few}",)
    found = (
        *_worse_parts(comparison, config),
        *_worse_slices(comparison, config),
        *_narrower(comparison, config),
        *_dearer(comparison, config),
    )
    if not found:
        return ()
    return (f"against champion {comparison.champion.release_id!r}: {found[0]}", *found[1:])


def not_weighed(comparison: Comparison, config: GateConfig) -> tuple[str, ...]:
    """Which part has too few shoppers to say anything, one sentence each."""
    if _shoppers(comparison, "all", config) < config.least_shoppers:
        return ()
    return tuple(
        f"{config.metric} on {part} items is not weighed: {shoppers} shoppers, fewer than gate.least_shoppers = "
        f"{config.least_shoppers}"
        for part in PARTS
        if (shoppers := _shoppers(comparison, part, config)) < config.least_shoppers
    )


def _shoppers(comparison: Comparison, part: Part, config: GateConfig) -> int:
    """How many have a figure of both releases."""
    ours, theirs = (
        side.scores[part].values(config.metric) for side in (comparison.challenger, comparison.champion)
    )
    return int(np.count_nonzero(~np.isnan(ours - theirs)))


def _against_data(failed_checks: Sequence[str], config: GateConfig) -> tuple[str, ...]:
    if not failed_checks or not config.data_checks:
        return ()
    return (f"data checks FAIL ({', '.join(failed_checks)}), see: recsys data validate",)


def _worse_parts(comparison: Comparison, config: GateConfig) -> Iterator[str]:
    """Each part of enough shoppers on which the challenger is worse than chance explains."""
    for part in PARTS:
        change = comparison.difference(config.metric, part)
        if change.count >= config.least_shoppers and change.high < 0:
            champion = comparison.champion.scores[part].interval(config.metric).mean
            yield f"{config.metric} on {part} items {_fall(change, champion)}"


def _worse_slices(comparison: Comparison, config: GateConfig) -> Iterator[str]:
    """Each protected slice on which it is, after the correction for how many there are; the worst first."""
    changes = comparison.slice_changes("all", config)
    weighed = sum(change.weighed for change in changes)
    for change in changes:
        if change.falls(config.significance):
            yield (
                f"{config.metric} of slice {change.name!r} ({change.difference.count:,} shoppers) "
                f"{_fall(change.difference, change.champion.mean)}, p = {change.p:.2g} after correction for "
                f"{weighed} slices"
            )


def _narrower(comparison: Comparison, config: GateConfig) -> Iterator[str]:
    ours, theirs = comparison.coverage()
    if ours < config.coverage_floor * theirs:
        yield (
            f"coverage@{comparison.exam.longest} collapses from {theirs:.4f} to {ours:.4f}, below "
            f"{config.coverage_floor:g} of the champion's (gate.coverage_floor)"
        )


def _dearer(comparison: Comparison, config: GateConfig) -> Iterator[str]:
    ours, theirs = comparison.challenger.cost, comparison.champion.cost
    if ours.cpu_ms > config.latency_ratio * theirs.cpu_ms:
        yield (
            f"a list takes {ours.cpu_ms:.2f} ms of CPU time instead of {theirs.cpu_ms:.2f}, "
            f"{ours.cpu_ms / theirs.cpu_ms:.1f} times as much (gate.latency_ratio = {config.latency_ratio:g})"
        )
    if ours.size_bytes > config.size_ratio * theirs.size_bytes:
        yield (
            f"its size is {ours.size_bytes / 2**20:,.1f} MiB instead of {theirs.size_bytes / 2**20:,.1f}, "
            f"{ours.size_bytes / theirs.size_bytes:.1f} times as much (gate.size_ratio = {config.size_ratio:g})"
        )


def _fall(change: Interval, champion: float) -> str:
    """`falls by 0.0123 [0.0050, 0.0190], 20 % of 0.0615`."""
    share = f", {-change.mean / champion:.0%} of {champion:.4f}" if champion else ""
    return f"falls by {-change.mean:.4f} [{-change.high:.4f}, {-change.low:.4f}]{share}"
