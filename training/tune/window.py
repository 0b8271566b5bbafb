"""The days that trials are judged on: the window right before the one that `recsys train` asks about.

Invariants: the log is cut where the exam of `recsys train` begins, before anything else happens; what a trial learns
from ends where the validation window begins. So the exam's answers are in no row that a trial, its questions or
their histories hold; only when they lie is read, to know where the cut is.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.fitting import Material
from recsys.ranking.learning import Example
from recsys.vocabulary import Vocabulary
from training.config import TrainingConfig
from training.dataset import Dataset, with_catalogue
from training.errors import TooLittleDataError
from training.exam import Exam, set_exam
from training.impressions import read_impressions
from training.protocol import Protocol
from training.resources import Shop
from training.split import leave_one_out, temporal_split

__all__ = ["STAGES", "Window", "validation_window"]

STAGES: Final = (1 / 6, 1 / 2, 1.0)
"""Shares of the shoppers after whose questions a trial may be given up."""


@dataclass(frozen=True)
class Window:
    """What a trial may know, and what it is asked."""

    material: Material
    """Rows before the validation window."""
    exams: tuple[Exam, ...]
    """Frozen and live questions of one window; a log of made-up times has questions by order alone."""
    stage: npt.NDArray[np.int8]
    """int8[users]: number of the stage (from 0) in which a shopper is asked."""
    impressions: tuple[Example, ...] = ()
    """Labelled lists that were seen before the validation window, where a shop has enough of them."""

    @property
    def about(self) -> dict[str, object]:
        """What two studies must share for their figures to be compared."""
        exam = self.exams[0]
        return {
            "data": exam.data.hash,
            "cut": exam.split.cut,
            "end": exam.split.end,
            "questions": {each.protocol: len(each.questions["all"]) for each in self.exams},
            "k": exam.longest,
        }


def validation_window(shop: Shop) -> Window:
    """Cut the shop's log and write the questions; TooLittleDataError when it cannot carry two windows."""
    config = shop.config
    dataset = _before_the_test(shop)
    exams = tuple(_exams(shop, dataset))
    cut = None if dataset.synthetic_time else exams[0].split.cut
    items = shop.offline.items(cut)
    attributes = {user.user_id: user.attributes for user in shop.offline.users(cut)}
    rows = with_catalogue(exams[0].log, items)
    return Window(
        Material(rows, items, attributes, not dataset.synthetic_time),
        exams,
        _stages(len(exams[0].log.users), config.seed),
        () if cut is None else _impressions(shop, rows.users, cut),
    )


def _before_the_test(shop: Shop) -> Dataset:
    """The data set without what the exam of `recsys train` asks about."""
    whole = shop.dataset()
    if whole.synthetic_time:
        return replace(whole, interactions=leave_one_out(whole.interactions, shop.config.split).train)
    return shop.dataset(temporal_split(whole.interactions, shop.config.split).cut)


def _impressions(shop: Shop, users: Vocabulary, until: int) -> tuple[Example, ...]:
    rules = shop.config.impressions
    found = read_impressions(shop.offline, until, users, rules, shop.config.model.ranker)
    return found.examples if found.enough(rules) else ()


def _exams(shop: Shop, dataset: Dataset) -> list[Exam]:
    """An exam per protocol; live questions are left out where nobody in the window has an earlier event."""
    if dataset.synthetic_time:
        return [_exam(shop, dataset, "split")]
    found = [_exam(shop, dataset, "frozen")]
    with suppress(TooLittleDataError):
        found.append(_exam(shop, dataset, "next"))
    return found


def _exam(shop: Shop, dataset: Dataset, protocol: Protocol) -> Exam:
    config: TrainingConfig = shop.config.asking(protocol, touched=False)
    fewer = {"most_queries": min(config.tuning.queries, config.evaluation.most_queries)}
    config = config.model_copy(update={"evaluation": config.evaluation.model_copy(update=fewer)})
    return set_exam(dataset, shop.offline, config, shop.settings.history_length)


def _stages(users: int, seed: int) -> npt.NDArray[np.int8]:
    place = np.random.default_rng(seed).permutation(users) / max(users, 1)
    return np.searchsorted(STAGES, place, side="right").astype(np.int8)
