"""How well and how fast an index searches behind filters: a table against the exact search, for reports and tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.index import ExactIndex
from recsys.retrieval.index_facts import DEPTH, found_share

__all__ = ["SHARES", "FilteredSearch", "filtered_searches"]

Vectors = npt.NDArray[np.float32]

SHARES: Final = (1.0, 0.5, 0.1, 0.01, 0.001)


@dataclass(frozen=True)
class FilteredSearch:
    """One row of the table."""

    kind: str
    """Of the index."""
    items: int
    allowed: int
    together: bool
    """Whether the filter leaves a region of the space, as a category does, and not items at random."""
    search: str
    """What the planner chose."""
    recall: float
    """Mean share of the exact best 100 (or of all allowed, if fewer) that was found."""
    microseconds: float
    """A search for 100, the fastest of three rounds, by the clock that was given."""
    usual_microseconds: float
    """The same for as many as a request usually asks for."""


def filtered_searches(
    vectors: Vectors,
    index: FaissIndex,
    queries: Vectors,
    clock: Callable[[], float],
    shares: Sequence[float] = SHARES,
    seed: int = 0,
) -> list[FilteredSearch]:
    """Search `queries: float32[q, d]` behind filters that let these shares of `vectors` through.

    `clock` returns seconds: CPU time of the thread is what compares best.
    """
    generator = np.random.default_rng(seed)
    exact, rows = ExactIndex(vectors), []
    # Nearness to a random direction stands for a category; rank by chance for any other filter.
    direction = generator.standard_normal((vectors.shape[1],)).astype(np.float32)
    orders = {
        False: generator.permutation(len(vectors)),
        True: np.argsort(-(vectors @ direction)),
    }
    for together, order in orders.items():
        for share in shares:
            some = order[: max(1, round(share * len(vectors)))].astype(np.int32)
            allowed = Allowed(ItemSet.of(some, len(vectors)))
            k = min(DEPTH, len(allowed))
            best = list(exact.search(queries, k, allowed)[0])
            found = list(index.search(queries, k, allowed)[0])
            rows.append(
                FilteredSearch(
                    index.facts.kind,
                    len(vectors),
                    len(allowed),
                    together,
                    index.plan(k, allowed).search,
                    found_share(found, best),
                    *(
                        min(_seconds(index, queries, depth, allowed, clock) for _ in range(3))
                        / len(queries)
                        * 1e6
                        for depth in (k, min(index.facts.depth, k))
                    ),
                )
            )
    return rows


def _seconds(
    index: FaissIndex, queries: Vectors, k: int, allowed: Allowed, clock: Callable[[], float]
) -> float:
    started = clock()
    for query in queries:
        index.nearest(query, k, allowed)
    return clock() - started
