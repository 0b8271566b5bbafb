"""Decides whether a release may go live: the data must be sound, and it must not be worse than what is live.

Invariants: every reason names its figure; a comparison that cannot be made is a refusal, not a pass; the first
release has no champion to lose against.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.compare import Comparison
from training.config import GateConfig
from training.errors import CannotCompareError, GateRefusedError, TooLittleDataError
from training.exam import PARTS

__all__ = ["Verdict", "judge", "judge_first"]


@dataclass(frozen=True)
class Verdict:
    """The gate's answer; it passes when there is no reason against."""

    reasons: tuple[str, ...]
    comparison: Comparison | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the release."""
        return not self.reasons

    def require(self, release_id: str) -> None:
        """Raise GateRefusedError with the reasons, if there are any."""
        if self.reasons:
            raise GateRefusedError(
                f"release {release_id!r} is not promoted: {'; '.join(self.reasons)}. "
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
    except (CannotCompareError, TooLittleDataError) as error:
        return Verdict((*against_data, f"it cannot be compared with the champion: {error}"))
    return Verdict((*against_data, *_against_figures(comparison, config)), comparison)


def _against_data(failed_checks: Sequence[str], config: GateConfig) -> tuple[str, ...]:
    if not failed_checks or not config.data_checks:
        return ()
    return (f"data checks FAIL ({', '.join(failed_checks)}), see: recsys data validate",)


def _against_figures(comparison: Comparison, config: GateConfig) -> tuple[str, ...]:
    """One reason for each part on which the challenger is worse than chance explains."""
    reasons = []
    for part in PARTS:
        change = comparison.difference(config.metric, part)
        if change.high < 0:
            reasons.append(
                f"{config.metric} on {part} items falls by {-change.mean:.4f} "
                f"[{-change.high:.4f}, {-change.low:.4f}] against champion {comparison.champion!r}"
            )
    return tuple(reasons)
