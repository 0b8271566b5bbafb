"""What a shop would use instead: popularity, rules, and the models of `implicit`, with defaults and with tuned ALS.

Invariants: every one learns from the same rows as the release; only "ALS tuned" has chosen anything, and it chose on a
part of those rows that lies before the questions.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from recsys.interactions import Interactions
from recsys.metrics import Truth, ndcg, per_user_mean
from training.baselines import AlsDefaults, Baseline, Known, OwnFirst, OwnItems, Popularity, positive_counts
from training.config import EvaluationConfig, SplitConfig
from training.protocol import Protocol, Questions, ask, ask_next, ask_touched
from training.split import leave_one_out, temporal_split

__all__ = ["ALS_DEFAULTS", "ALS_GRID", "PEERS", "AlsTuned", "Lesson", "NotForTheseShoppers", "Setting"]

Lists = npt.NDArray[np.int32]

ALS_DEFAULTS: Final = AlsDefaults.name
_K: Final = 20
_VALIDATION: Final = EvaluationConfig(most_queries=2_000)


class Setting(NamedTuple):
    """Parameters of ALS that are tried."""

    factors: int
    alpha: float
    regularization: float


ALS_GRID: Final = (
    Setting(64, 1.0, 1.0),
    Setting(64, 10.0, 1.0),
    Setting(64, 40.0, 10.0),
    Setting(128, 1.0, 1.0),
    Setting(128, 10.0, 10.0),
    Setting(256, 10.0, 10.0),
)


@dataclass(frozen=True)
class Lesson:
    """What a peer may learn from, and how it will be asked."""

    known: Known
    protocol: Protocol
    strangers: bool = False
    """Nobody who will ask is in the rows."""


class NotForTheseShoppers(Exception):
    """A model that has vectors only for the shoppers it was fitted on, asked by none of them."""


class AlsTuned(AlsDefaults):
    """`implicit` ALS with the setting of `ALS_GRID` that was best on questions made of its own training rows."""

    name = "ALS tuned"

    def __init__(self, lesson: Lesson) -> None:
        self.setting = _best_setting(lesson)
        self._fit(lesson.known.train, self.setting, lesson.known.seed)

    @property
    def note(self) -> str:
        """The setting that was chosen."""
        chosen = ", ".join(f"{name} {value:g}" for name, value in self.setting._asdict().items())
        return f"{self.name}: {chosen}, of {len(ALS_GRID)} settings tried on rows before the questions"

    @classmethod
    def of(cls, train: Interactions, setting: Setting, seed: int) -> "AlsTuned":
        """A model of one setting."""
        model = cls.__new__(cls)
        model.setting = setting
        model._fit(train, setting, seed)
        return model

    def _fit(self, train: Interactions, setting: Setting, seed: int) -> None:
        from implicit.als import AlternatingLeastSquares

        counts = positive_counts(train)
        self._items = counts.shape[1]
        with threadpool_limits(1, "blas"):
            self._model = AlternatingLeastSquares(**setting._asdict(), random_state=seed)
            self._model.fit(counts, show_progress=False)


class _Factors:
    """A model of `implicit` that knows the shoppers it was fitted on and no other; those get what is popular."""

    name: str

    def __init__(self, lesson: Lesson, make: Callable[[int], Any]) -> None:
        if lesson.strangers:
            raise NotForTheseShoppers(
                f"{self.name}: has vectors only for shoppers it was fitted on; none asks"
            )
        counts = positive_counts(lesson.known.train)
        self._popularity = Popularity(lesson.known)
        self._known = np.diff(counts.indptr) > 0
        with threadpool_limits(1, "blas"):
            self._model = make(lesson.known.seed)
            self._model.fit(counts, show_progress=False)

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Best k by inner product with the vector the shopper was fitted with."""
        known = self._known[questions.users]
        lists = self._popularity.lists(questions, k, exclude_seen=exclude_seen)
        rows = np.flatnonzero(known)
        codes, scores = self._model.recommend(
            questions.users[rows], questions.seen[rows], N=k, filter_already_liked_items=exclude_seen
        )
        lists[rows] = np.where(scores > np.finfo(np.float32).min, codes, -1)
        return lists


class Bpr(_Factors):
    """Bayesian personalised ranking (Rendle et al., UAI 2009), every parameter at `implicit`'s default."""

    name = "BPR defaults"

    def __init__(self, lesson: Lesson) -> None:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        super().__init__(lesson, lambda seed: BayesianPersonalizedRanking(random_state=seed))


class Lmf(_Factors):
    """Logistic matrix factorisation (Johnson, NIPS workshop 2014), every parameter at `implicit`'s default."""

    name = "LMF defaults"

    def __init__(self, lesson: Lesson) -> None:
        from implicit.cpu.lmf import LogisticMatrixFactorization

        super().__init__(lesson, lambda seed: LogisticMatrixFactorization(random_state=seed))


class Cosine:
    """Item-item cosine (`implicit.nearest_neighbours`, 20 neighbours); Deshpande and Karypis, ACM TOIS 2004."""

    name = "item cosine"

    def __init__(self, lesson: Lesson) -> None:
        from implicit.nearest_neighbours import CosineRecommender

        self._model = CosineRecommender()
        with warnings.catch_warnings():
            # implicit says of its own intermediate matrix that it had to be converted.
            warnings.simplefilter("ignore")
            self._model.fit(positive_counts(lesson.known.train), show_progress=False)

    def lists(self, questions: Questions, k: int, *, exclude_seen: bool) -> Lists:
        """Items by summed similarity to those of the history."""
        codes, scores = self._model.recommend(
            np.arange(len(questions)), questions.seen, N=k, filter_already_liked_items=exclude_seen
        )
        return np.where(scores > 0, codes, -1).astype(np.int32)


PEERS: Final[Mapping[str, Callable[[Lesson], Baseline]]] = {
    Popularity.name: lambda lesson: Popularity(lesson.known),
    OwnItems.name: lambda lesson: OwnItems(Popularity(lesson.known)),
    OwnFirst.name: lambda lesson: OwnFirst(lesson.known, Popularity(lesson.known)),
    ALS_DEFAULTS: lambda lesson: AlsDefaults(lesson.known),
    AlsTuned.name: AlsTuned,
    Bpr.name: Bpr,
    Lmf.name: Lmf,
    Cosine.name: Cosine,
}
"""By name, in the order of the tables."""


def _best_setting(lesson: Lesson) -> Setting:
    train, questions = _validation(lesson)
    truth = Truth(questions.truth.indptr.astype(np.int64), questions.truth.indices.astype(np.int32))
    seed = lesson.known.seed

    def worth(setting: Setting) -> float:
        lists = AlsTuned.of(train, setting, seed).lists(questions, _K, exclude_seen=False)
        return float(per_user_mean(ndcg(lists, truth, _K), questions.users)[1].mean())

    return max(ALS_GRID, key=worth)


def _validation(lesson: Lesson) -> tuple[Interactions, Questions]:
    """Rows to try a setting on, and questions of the same protocol about what came after them."""
    log, seed = lesson.known.train, lesson.known.seed
    everybody = np.ones(len(log.users), np.bool_)
    if not lesson.known.real_times:
        by_order = leave_one_out(log, SplitConfig())
        return by_order.train, ask(by_order, everybody, _VALIDATION, seed)
    split = temporal_split(log, SplitConfig())
    if lesson.protocol == "next":
        return split.train, ask_next(log, split, everybody, _VALIDATION, seed)
    return split.train, ask_touched(split, everybody, _VALIDATION, seed)
