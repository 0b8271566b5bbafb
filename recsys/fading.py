"""How fast a shopper's own items fade, chosen by asking the log: which fading would have put what was wanted highest?

Every fixed fading suits one kind of shop (docs/experiments.md): sessions forget within a day, weekly baskets hardly
within a month. The questions are moments of the label window, up to five of each shopper; the measure of one is the sum
of 1 / rank over the shopper's own items that are wanted from then on, next or later, so it may exceed 1. The rank of
the next one alone, what a mean reciprocal rank is, says less of each question: laws that are close to each other are
then told apart by chance.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions
from recsys.labels import HISTORY_LENGTH, Question, questions
from recsys.weights import Behaviour, Fading, event_values, net_items

__all__ = ["DEFAULT", "FADINGS", "choose_fading"]

FADINGS: Final = (
    Fading(days=1.0, exponent=1.0),
    Fading(days=7.0, exponent=0.5),
    Fading(days=30.0, exponent=0.5),
    Fading(days=90.0, exponent=0.5),
)
DEFAULT: Final = FADINGS[2]
_QUESTIONS: Final = 2_000
_LEAST: Final = 50


def choose_fading(
    log: Interactions, start: int, behaviour: Behaviour, seed: int
) -> tuple[Fading, npt.NDArray[np.float64]]:
    """The best of `FADINGS` on moments from `start` (ms) on, and the mean of each one's measure.

    Few moments choose the default, with zeros for figures.
    """
    asked = list(questions(log, start, _QUESTIONS, 5, HISTORY_LENGTH, seed))
    found = [sums for question in asked if len(sums := _sums_of_reciprocal_ranks(question, behaviour))]
    if len(found) < _LEAST:
        return DEFAULT, np.zeros(len(FADINGS))
    means = np.mean(found, axis=0)
    return FADINGS[int(np.argmax(means))], means


def _sums_of_reciprocal_ranks(question: Question, behaviour: Behaviour) -> npt.NDArray[np.float64]:
    """One figure per fading; nothing where no own item is wanted."""
    history = question.history
    figures = []
    for fading in FADINGS:
        values = event_values(history.types, history.times, int(history.times[-1]), behaviour, fading)
        codes, sums = net_items(history.items, values)
        ranked = codes[np.argsort(-sums, kind="stable")]
        hits = np.flatnonzero(np.isin(ranked, question.items))
        if not len(hits):
            return np.empty(0)
        figures.append(float((1.0 / (1.0 + hits)).sum()))
    return np.array(figures)
