"""Cuts a log into what a model may learn from and what it is asked about.

Invariants: a temporal split never lets a row at or after its cut into `train`; which row is held out by order follows
from that shopper's own rows and their ids alone, never from codes, so no other shopper and no catalogue moves it; a
split that cannot carry an evaluation is refused with the figure that is missing.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions
from recsys.kinds import NEGATIVE
from recsys.labels import label_start
from recsys.standing import standing, standing_in_any_order
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS
from training.config import SplitConfig
from training.errors import TooLittleDataError

__all__ = ["STRENGTH", "Split", "day", "leave_one_out", "stands", "temporal_split"]

STRENGTH: Final = (
    EventType.PURCHASE,
    EventType.CART,
    EventType.FAVORITE,
    EventType.SHARE,
    EventType.CLICK,
    EventType.VIEW,
)
"""Behaviours that say what a shopper wants, the plainest word first."""
_ID_BYTES: Final = 8
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """`train` is what phase one learns from; `test` holds the rows that answer the questions."""

    protocol: Literal["temporal", "leave_one_out"]
    cut: int
    """First time (ms) that `train` does not know; the end of the log for leave-one-out."""
    end: int
    train: Interactions
    test: Interactions

    @property
    def days(self) -> float:
        """Length of the test window in days."""
        return (self.end - self.cut) / DAY_MS

    @cached_property
    def held_out(self) -> str | None:
        """Which rows answer, as 16 hex digits over their ids, kinds and times; None where the cut says it all."""
        if self.protocol == "temporal":
            return None
        # In the order of the numbers, not of the rows: those lie in the order of the users' codes.
        numbers = np.sort(_hash(self.test)).astype("<u8")
        return hashlib.sha256(numbers.tobytes()).hexdigest()[:16]


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
    end = interactions.end + 1
    if cut is None:
        cut = label_start(interactions, config.test_days, config.largest_share)
    split = Split("temporal", cut, end, interactions.before(cut), interactions.window(cut, end))
    both = np.intersect1d(split.train.user, split.test.user)
    _require_shoppers(
        len(both),
        config,
        f"with events both before and after {day(cut)}, {split.days:.1f} days before the end",
    )
    return split


def leave_one_out(interactions: Interactions, config: SplitConfig) -> Split:
    """Take one row of each shopper's strongest behaviour away as the question: for logs without real times.

    Which of several is drawn by a hash of the row, not by its place: such logs often lie in the order of item
    ids (Taobao's do), where "the last row" would be the item with the largest id. The rows' ids alone decide, so
    who reads the log with another catalogue, or a twin fitted by another run, knows no answer either. Raises
    TooLittleDataError when fewer than `least_shoppers` shoppers have a row to ask about and another one.
    """
    held = _held_out(interactions)
    _require_shoppers(int(held.sum()), config, "with two events or more")
    end = interactions.end + 1
    return Split("leave_one_out", end, end, interactions.where(~held), interactions.where(held))


def stands(rows: Interactions, log: Interactions) -> Flags:
    """Whether what each row says was not taken back later in `log`, bool[rows] (see `recsys.standing`).

    `rows` share the vocabularies of `log` and hold all purchases and carts of a shopper from some time on. Of equal
    times what takes back is the later. For logs whose times mean something.
    """
    undo = log.where(NEGATIVE[log.type])
    keys, back = _pairs(rows), _pairs(undo)
    found = np.ones(len(rows), np.bool_)
    said = np.flatnonzero(~NEGATIVE[rows.type] & np.isin(keys, back))
    # The rows come first, and the sort is stable.
    order = np.argsort(np.concatenate((rows.time[said], undo.time)), kind="stable")
    keys = np.concatenate((keys[said], back))
    types = np.concatenate((rows.type[said], undo.type))
    both = np.empty(len(order), np.bool_)
    both[order] = standing(keys[order], types[order])
    found[said] = both[: len(said)]
    return found


def _held_out(interactions: Interactions) -> Flags:
    """True on one row of every shopper who has another one: of the strongest behaviour, drawn by hash.

    Nothing says whether a return came before or after a purchase here, so what some order would undo is not asked.
    """
    rank = np.full(len(EVENT_CODES), len(STRENGTH), np.int8)
    rank[[EVENT_CODES[kind] for kind in STRENGTH]] = np.arange(len(STRENGTH))
    kept = standing_in_any_order(_pairs(interactions), interactions.type)
    ranks = np.where(kept, rank[interactions.type], len(STRENGTH))
    order = np.lexsort((_hash(interactions), ranks, interactions.user))
    user = interactions.user[order]
    first = np.diff(user, prepend=-1) != 0
    alone = first & (np.diff(user, append=-1) != 0)
    held = np.zeros(len(interactions), np.bool_)
    held[order[first & ~alone & (ranks[order] < len(STRENGTH))]] = True
    return held


def _hash(rows: Interactions) -> npt.NDArray[np.uint64]:
    """A well mixed number of each row's ids, kind and time, uint64[n].

    Mixed by the finaliser of SplitMix64 (Steele et al., OOPSLA 2014).
    """
    mixed = np.zeros(len(rows), np.uint64)
    user, item = _id_hashes(rows.users)[rows.user], _id_hashes(rows.items)[rows.item]
    for column in (user, item, rows.type, rows.time):
        mixed = (mixed ^ column.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _id_hashes(vocabulary: Vocabulary) -> npt.NDArray[np.uint64]:
    """64 bits of BLAKE2b of each id, uint64[ids], by code: the same id has the same number in every vocabulary."""
    digests = (hashlib.blake2b(name.encode(), digest_size=_ID_BYTES).digest() for name in vocabulary.ids)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _pairs(rows: Interactions) -> npt.NDArray[np.int64]:
    pairs: npt.NDArray[np.int64] = rows.user.astype(np.int64) * len(rows.items) + rows.item
    return pairs


def _require_shoppers(found: int, config: SplitConfig, who: str) -> None:
    if found < config.least_shoppers:
        raise TooLittleDataError(
            f"the log has {found} shoppers {who}; an evaluation needs at least {config.least_shoppers}. "
            "Bring in more history (recsys data ingest), lower [split] least_shoppers, "
            "or train without figures: recsys train --no-evaluation"
        )
