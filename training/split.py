"""Cuts a log into what a model may learn from and what it is asked about.

Invariants: a temporal split never lets a row at or after its cut into `train`; a split that cannot carry an
evaluation is refused with the figure that is missing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions
from training.config import SplitConfig
from training.errors import TooLittleDataError

__all__ = ["DAY_MS", "Split", "day", "leave_last_out", "temporal_split"]

DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Split:
    """`train` is what phase one learns from; `test` holds the rows that answer the questions."""

    protocol: Literal["temporal", "leave_last_out"]
    cut: int
    """First time (ms) that `train` does not know; the end of the log for leave-last-out."""
    end: int
    train: Interactions
    test: Interactions

    @property
    def days(self) -> float:
        """Length of the test window in days."""
        return (self.end - self.cut) / DAY_MS


def day(time: int) -> str:
    """A time in ms as its UTC day, for messages and manifests."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d")


def temporal_split(interactions: Interactions, config: SplitConfig, cut: int | None = None) -> Split:
    """Cut at `cut`, else before the last `test_days` (the last `largest_share` of a short log).

    Raises TooLittleDataError when fewer than `least_shoppers` shoppers have events on both sides of the cut.
    """
    if not len(interactions):
        raise TooLittleDataError(
            "the log holds no events with an item; bring some in: recsys data ingest --events FILE"
        )
    start, end = int(interactions.time.min()), interactions.end + 1
    if cut is None:
        cut = end - round(min(config.test_days * DAY_MS, (end - start) * config.largest_share))
    split = Split("temporal", cut, end, interactions.before(cut), interactions.window(cut, end))
    both = np.intersect1d(split.train.user, split.test.user)
    _require_shoppers(
        len(both),
        config,
        f"with events both before and after {day(cut)}, {split.days:.1f} days before the end",
    )
    return split


def leave_last_out(interactions: Interactions, config: SplitConfig) -> Split:
    """Take each shopper's last row away as the question: for logs that know an order and no real times.

    Raises TooLittleDataError when fewer than `least_shoppers` shoppers have two rows or more.
    """
    last = _last_of_two(interactions)
    _require_shoppers(int(last.sum()), config, "with two events or more")
    end = interactions.end + 1
    return Split("leave_last_out", end, end, interactions.where(~last), interactions.where(last))


def _last_of_two(interactions: Interactions) -> npt.NDArray[np.bool_]:
    """True on the last row of every shopper who has another row before it."""
    user = np.concatenate(([-1], interactions.user, [-1]))
    changes = user[1:] != user[:-1]
    last: npt.NDArray[np.bool_] = changes[1:] & ~changes[:-1]
    return last


def _require_shoppers(found: int, config: SplitConfig, who: str) -> None:
    if found < config.least_shoppers:
        raise TooLittleDataError(
            f"the log has {found} shoppers {who}; an evaluation needs at least {config.least_shoppers}. "
            "Bring in more history (recsys data ingest), lower [split] least_shoppers, "
            "or train without figures: recsys train --no-evaluation"
        )
