"""Questions as a log's shoppers would ask them: what an index is judged by when it is built."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.interactions import Interactions

__all__ = ["mixed_questions", "taste_questions"]

Codes = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]

_QUESTIONS: Final = 200
_RELATED: Final = 4
"""One in so many asks for what goes with a single item."""


def taste_questions(
    log: Interactions, fold_in: Callable[[Codes, Vectors], Vectors], size: int, seed: int
) -> Vectors:
    """Taste vectors float32[q, d] of some shoppers at some moment, by what folds distinct items and values in."""
    asked = [
        fold_in(np.unique(items).astype(np.int32), np.ones(len(np.unique(items)), np.float32))
        for items in _histories(log, seed)
    ]
    return np.stack(asked) if asked else np.empty((0, size), np.float32)


def mixed_questions(log: Interactions, vectors: Vectors, seeds: int, decay: float, seed: int) -> Vectors:
    """Latest distinct items of some shoppers at some moment, mixed by recency: float32[q, d] of length 1."""
    asked = []
    for place, items in enumerate(_histories(log, seed)):
        latest = list(dict.fromkeys(reversed(items.tolist())))[: 1 if place % _RELATED == 0 else seeds]
        mixed = (decay ** np.arange(len(latest))).astype(np.float32) @ vectors[latest]
        length = float(np.linalg.norm(mixed))
        if length > 0:
            asked.append(mixed / np.float32(length))
    return np.stack(asked) if asked else np.empty((0, vectors.shape[1]), np.float32)


def _histories(log: Interactions, seed: int) -> Iterator[Codes]:
    """Items of some shoppers' first events, oldest first; at least one each."""
    generator = np.random.default_rng(seed)
    shoppers = generator.permutation(len(log.users))[:_QUESTIONS]
    for rows in log.per_user(shoppers.tolist()):
        items = log.item[rows]
        if len(items):
            yield items[: int(generator.integers(1, len(items) + 1))]
