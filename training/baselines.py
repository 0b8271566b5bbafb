"""The marks every release is measured beside: recent popularity, own items by frequency, ALS with default
settings, and own items first with session neighbours behind them.

Invariants: all of them learn from the same rows and answer the same questions as the release; none is tuned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.history import EMPTY_HISTORY
from recsys.interactions import Interactions
from recsys.kinds import POSITIVE
from recsys.models.sessions import Sessions, SessionsConfig
from recsys.past import Past
from recsys.retrieval.sessions import SessionNeighbours
from recsys.retrieval.source import Taste
from recsys.types import POSITIVE_TYPES
from recsys.weights import DAY_MS, HOUR_MS
from training.protocol import Questions
from training.split import stands

__all__ = [
    "AlsDefaults",
    "Baseline",
    "Known",
    "OwnFirst",
    "OwnItems",
    "Popularity",
    "baselines",
    "positive_counts",
]

Codes = npt.NDArray[np.int32]
Lists = npt.NDArray[np.int32]

_RECENT_DAYS: Final = 14
_OWN: Final = 15
_NEWEST: Final = 500
_SEEDS: Final = 10
_AT_ONCE: Final = 2_000


@dataclass(frozen=True)
class Known:
    """What a mark may learn from, and where it reads the histories of those who ask."""

    train: Interactions
    history: Interactions
    """The log that `Questions.upto` counts in."""
    real_times: bool = True
    seed: int = 0


class Baseline(Protocol):
    """Answers questions with item codes int32[q, k], padded with -1."""

    name: str

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Ranked codes for every question; items seen by the asking shopper left out when asked for."""
        ...


class Popularity:
    """Items by how many shoppers touched them in the last 14 days, then by how many ever did."""

    name = "recent popularity"

    def __init__(self, known: Known) -> None:
        train = known.train
        recent = train.where(train.time > train.end - _RECENT_DAYS * DAY_MS) if known.real_times else train
        self.order = np.lexsort((-_shoppers(train), -_shoppers(recent))).astype(np.int32)

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """The same list for all, each shopper's seen items taken out when asked for."""
        nothing = np.empty(0, np.int32)
        seen = _rows(questions.seen) if exclude_seen else (nothing for _ in range(len(questions)))
        return _stack([self.fill(nothing, codes, k) for codes in seen], k)

    def fill(self, start: Codes, without: Codes, k: int) -> Codes:
        """`start`, then the most popular items that are in neither `start` nor `without`; k in all."""
        head = self.order[: k + len(start) + len(without)]
        rest = head[~np.isin(head, np.concatenate((start, without)))]
        return np.concatenate((start, rest))[:k].astype(np.int32)


class OwnItems:
    """The shopper's own items, most frequent first, then the popular ones."""

    name = "own items by frequency"

    def __init__(self, popularity: Popularity) -> None:
        self._popularity = popularity
        self._rank = np.argsort(popularity.order, kind="stable")

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Own items by count, ties by popularity; popularity alone when seen items are excluded."""
        if exclude_seen:
            return self._popularity.lists(questions, k, exclude_seen=True)
        found = []
        for codes, counts in _weighted_rows(questions.seen):
            own = codes[np.lexsort((self._rank[codes], -counts))][:k]
            found.append(self._popularity.fill(own, codes, k))
        return _stack(found, k)


class AlsDefaults:
    """`implicit` ALS on event counts with every parameter at its default (Hu, Koren, Volinsky, ICDM 2008)."""

    name = "ALS defaults"

    def __init__(self, known: Known) -> None:
        from implicit.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        counts = positive_counts(known.train)
        self._items = counts.shape[1]
        # BLAS threads below implicit's own fight for the same cores.
        with threadpool_limits(1, "blas"):
            self._model = AlternatingLeastSquares(random_state=known.seed)
            self._model.fit(counts, show_progress=False)

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Best k by inner product with the shopper's vector, solved from the history the question comes with."""
        lists = np.full((len(questions), k), -1, np.int32)
        for start in range(0, len(questions), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            self._answer(lists[rows], questions.users[rows], questions.seen[rows], exclude_seen)
        return lists

    def _answer(self, lists: Lists, users: Codes, seen: sparse.csr_matrix, exclude_seen: bool) -> None:
        shown = min(lists.shape[1], self._items)
        codes, scores = self._model.recommend(
            users, seen, N=shown, filter_already_liked_items=exclude_seen, recalculate_user=True
        )
        # implicit puts filtered items behind the others, with the lowest score there is.
        lists[:, :shown] = np.where(scores > np.finfo(np.float32).min, codes, -1)


class OwnFirst:
    """At most 15 own items by recency-weighted frequency, then neighbours of the last session, then the popular.

    The rule a shop would start with: nothing in it is learned but past sessions (`recsys.retrieval.sessions`,
    every parameter at its default).
    """

    name = "own, then neighbours"

    def __init__(self, known: Known, popularity: Popularity) -> None:
        self._popularity = popularity
        self._history = known.history
        self._starts = known.history.user_slices()
        meant = known.train.where(stands(known.train, known.train)).of_types(POSITIVE_TYPES)
        self._neighbours = SessionNeighbours(Sessions.fit(meant, SessionsConfig()))
        self._positive = POSITIVE[known.history.type]

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Own items only where seen ones may be shown; neighbours and popularity without them otherwise."""
        free = np.ones(len(self._popularity.order), np.bool_)
        found = []
        for user, upto, seen in zip(questions.users, questions.upto, _rows(questions.seen), strict=True):
            past = self._past(int(self._starts[user]), int(upto))
            own = past.items[np.argsort(-past.weights, kind="stable")][:_OWN]
            start = own[:0] if exclude_seen else own
            without = seen if exclude_seen else start
            free[without] = False
            met = self._neighbours.read(past.taste()).top(k, free)
            free[without] = True
            found.append(self._popularity.fill(np.concatenate((start, met)), without, k))
        return _stack(found, k)

    def _past(self, start: int, end: int) -> "_Past":
        """The positive events of the rows [start, end), the newest of them at most."""
        rows = np.arange(max(start, end - _NEWEST), end)
        rows = rows[self._positive[rows]][::-1]
        codes, first, place = np.unique(self._history.item[rows], return_index=True, return_inverse=True)
        times = self._history.time[rows]
        # Items of one basket are equally recent.
        moment = 1 + np.cumsum(np.diff(times, prepend=times[:1]) != 0)
        weights = np.bincount(place, weights=1.0 / moment, minlength=len(codes))
        order = np.argsort(first)
        times = times[first[order]]
        ages = (times.max(initial=0) - times) / HOUR_MS
        worth = weights[order].astype(np.float64)
        return _Past(codes[order].astype(np.int32), worth, ages.astype(np.float32))


class _Past(NamedTuple):
    """Distinct items, newest first."""

    items: Codes
    weights: npt.NDArray[np.float64]
    """Sum over an item's events of 1 / rank of their moment, the newest moment of all being the first."""
    ages: npt.NDArray[np.float32]
    """Hours from an item's last event to the newest event of all."""

    def taste(self) -> Taste:
        """What session neighbours read of a shopper: the newest items and when they were met."""
        recent, ages = self.items[:_SEEDS], self.ages[:_SEEDS]
        nothing = np.empty(0, np.float32)
        return Taste(
            own=recent,
            own_values=nothing,
            recent=recent,
            recent_weights=np.ones(len(recent), np.float32),
            recent_ages=ages,
            past=Past.of(EMPTY_HISTORY),
            vector=None,
        )


def baselines(known: Known) -> Iterator[Baseline]:
    """Fit them one after another, so that only one big model is in memory."""
    popularity = Popularity(known)
    yield popularity
    yield OwnItems(popularity)
    yield OwnFirst(known, popularity)
    yield AlsDefaults(known)


def _shoppers(rows: Interactions) -> npt.NDArray[np.int64]:
    """Distinct shoppers per item."""
    touched = positive_counts(rows)
    return np.bincount(touched.indices, minlength=touched.shape[1])


def positive_counts(train: Interactions) -> sparse.csr_matrix:
    """Positive events by users × items: what the models of `implicit` are given."""
    rows = train.of_types(POSITIVE_TYPES)
    return rows.user_items(np.ones(len(rows), np.float32))


def _rows(matrix: sparse.csr_matrix) -> Iterator[Codes]:
    for codes, _ in _weighted_rows(matrix):
        yield codes


def _weighted_rows(matrix: sparse.csr_matrix) -> Iterator[tuple[Codes, npt.NDArray[np.float32]]]:
    for start, end in zip(matrix.indptr, matrix.indptr[1:], strict=False):
        yield matrix.indices[start:end], matrix.data[start:end]


def _stack(lists: list[Codes], k: int) -> Lists:
    out = np.full((len(lists), k), -1, np.int32)
    for row, codes in zip(out, lists, strict=True):
        row[: len(codes)] = codes
    return out
