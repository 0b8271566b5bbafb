"""The marks every release is measured beside: popularity, own items by frequency, ALS with default settings.

Invariants: all of them learn from the same rows and answer the same questions as the release; none is tuned.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.interactions import Interactions
from recsys.types import POSITIVE_TYPES
from training.protocol import Questions

__all__ = ["AlsDefaults", "Baseline", "OwnItems", "Popularity", "baselines"]

Lists = npt.NDArray[np.int32]


class Baseline(Protocol):
    """Answers questions with item codes int32[q, k], padded with -1."""

    name: str

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Ranked codes for every question; items seen by the asking shopper left out when asked for."""
        ...


class Popularity:
    """Items by how many shoppers touched them, the same order for everybody."""

    name = "popularity"

    def __init__(self, train: Interactions) -> None:
        touched = _positive_counts(train)
        shoppers = np.bincount(touched.indices, minlength=touched.shape[1])
        self.order = np.argsort(-shoppers, kind="stable").astype(np.int32)

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """The same list for all, each shopper's seen items taken out when asked for."""
        nothing = np.empty(0, np.int32)
        seen = _rows(questions.seen) if exclude_seen else (nothing for _ in range(len(questions)))
        return _stack([self.fill(nothing, codes, k) for codes in seen], k)

    def fill(
        self, start: npt.NDArray[np.int32], without: npt.NDArray[np.int32], k: int
    ) -> npt.NDArray[np.int32]:
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

    def __init__(self, train: Interactions, seed: int) -> None:
        from implicit.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        self._counts = _positive_counts(train)
        # BLAS threads below implicit's own fight for the same cores.
        with threadpool_limits(1, "blas"):
            self._model = AlternatingLeastSquares(random_state=seed)
            self._model.fit(self._counts, show_progress=False)

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Best k by inner product with the shopper's trained vector."""
        users, known = questions.users, min(k, self._counts.shape[1])
        codes, scores = self._model.recommend(
            users, self._counts[users], N=known, filter_already_liked_items=exclude_seen
        )
        # implicit puts filtered items behind the others, with the lowest score there is.
        shown = scores > np.finfo(np.float32).min
        lists = np.full((len(users), k), -1, np.int32)
        lists[:, :known] = np.where(shown, codes, -1)
        return lists


def baselines(train: Interactions, seed: int) -> Iterator[Baseline]:
    """Fit them one after another, so that only one big model is in memory."""
    popularity = Popularity(train)
    yield popularity
    yield OwnItems(popularity)
    yield AlsDefaults(train, seed)


def _positive_counts(train: Interactions) -> sparse.csr_matrix:
    rows = train.of_types(POSITIVE_TYPES)
    return rows.user_items(np.ones(len(rows), np.float32))


def _rows(matrix: sparse.csr_matrix) -> Iterator[npt.NDArray[np.int32]]:
    for codes, _ in _weighted_rows(matrix):
        yield codes


def _weighted_rows(
    matrix: sparse.csr_matrix,
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
    for start, end in zip(matrix.indptr, matrix.indptr[1:], strict=False):
        yield matrix.indices[start:end], matrix.data[start:end]


def _stack(lists: list[npt.NDArray[np.int32]], k: int) -> Lists:
    out = np.full((len(lists), k), -1, np.int32)
    for row, codes in zip(out, lists, strict=True):
        row[: len(codes)] = codes
    return out
