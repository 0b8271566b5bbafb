"""Questions of a log with the candidates that a pipeline finds for them: what the ranker learns from.

Invariant: a matrix is made by the very code that answers requests, so training and serving cannot differ.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from recsys.catalogue import Catalogue
from recsys.labels import Question
from recsys.metrics import discounts
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.ranking.learning import Example
from recsys.ranking.ranker import RankerConfig
from recsys.types import Scalar
from recsys.vocabulary import Vocabulary

__all__ = ["collect", "margin_thirds"]

_CUT: Final = 20


def collect(
    pipeline: Pipeline,
    asked: Iterable[Question],
    users: Vocabulary,
    attributes: Mapping[str, Mapping[str, Scalar]],
    config: RankerConfig,
    seed: int,
) -> list[Example]:
    """Examples of questions in the pipeline's item codes; those that no candidate answers teach nothing.

    Each is asked twice, the second time for unseen items only: else the order of what is new, which is what `home` is
    for, drowns in the order of own items.
    """
    generator = np.random.default_rng(seed)
    thirds = margin_thirds(pipeline.catalogue)
    found = []
    # A search is over in a millisecond; waking other threads for it costs more than it saves.
    with threadpool_limits(1):
        for question in asked:
            known = attributes.get(users[question.user], {})
            for wish in (question, question.unseen()):
                example = _example(pipeline, wish, known, config, thirds, generator)
                if example is not None:
                    found.append(example)
    return found


def margin_thirds(catalogue: Catalogue) -> npt.NDArray[np.int8]:
    """int8[n]: 0 for the third of the items that earns least (price less cost), 2 for the most, 1 where unknown."""
    margins = catalogue.price - catalogue.cost
    known = np.isfinite(margins)
    thirds = np.ones(len(catalogue), np.int8)
    if known.any():
        thirds[known] = np.searchsorted(np.quantile(margins[known], (1 / 3, 2 / 3)), margins[known])
    return thirds


def _example(
    pipeline: Pipeline,
    question: Question,
    attributes: Mapping[str, Scalar],
    config: RankerConfig,
    thirds: npt.NDArray[np.int8],
    generator: np.random.Generator,
) -> Example | None:
    if not len(question.items):
        return None
    query = Query(
        as_of=question.as_of,
        history=question.history,
        asked_at=question.asked_at,
        attributes=attributes,
        exclude=question.without,
    )
    codes, matrix, rule = pipeline.candidates(query)
    grades = config.graded(_places(codes, question), question.grades, question.kinds, thirds[question.items])
    if not grades.any():
        return None
    kept = _sample(grades, config.rows_per_query, generator)
    ideal = discounts(min(len(question.items), _CUT))
    rows = np.ascontiguousarray(matrix[:, kept])
    return Example(question.user, rows, grades[kept], rule[kept], float(ideal.sum()))


def _places(codes: npt.NDArray[np.int32], question: Question) -> npt.NDArray[np.int64]:
    """Where each candidate stands among the wanted items; -1 for a stranger."""
    places = np.minimum(np.searchsorted(question.items, codes), len(question.items) - 1)
    return np.where(question.items[places] == codes, places, -1)


def _sample(grades: npt.NDArray[np.int8], most: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places of all wanted candidates and of a sample of the others, ascending."""
    if len(grades) <= most:
        return np.arange(len(grades))
    wanted, others = np.flatnonzero(grades), np.flatnonzero(grades == 0)
    drawn = generator.choice(others, min(max(most - len(wanted), 10), len(others)), replace=False)
    return np.sort(np.concatenate((wanted, drawn)))
