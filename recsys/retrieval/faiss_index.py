"""The vector index of a release: which kind of search suits its vectors is measured when it is built.

Vectors of uneven length (factor models) are searched exactly, longest first; vectors of one length by inverted lists
(FAISS clusters them), as far as those reach the recall target on questions like those of shoppers. Both read bytes
first and compare the few that may count as a whole. Invariants: the answers are those of `ExactIndex`, ties included,
as far as the lists that are read reach; k items come back whenever k are allowed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import load_array, save_arrays
from recsys.errors import InputError, ReleaseCorrupt
from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.by_length import ByLength
from recsys.retrieval.index import check_search, check_vectors, padded
from recsys.retrieval.index_facts import (
    DEPTH,
    USUAL_DEPTH,
    IndexFacts,
    Kind,
    Plan,
    found_share,
    questions_like,
)
from recsys.retrieval.lists import Lists
from recsys.retrieval.scan_kernel import scan_some

__all__ = ["FaissIndex"]

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Vectors = NDArray[np.float32]
Found = tuple[Vectors, Codes]
Engine = ByLength | Lists

TARGET: Final = 0.99
"""Recall that an index must reach on sampled queries, for lists of the usual length and of 100."""
_AIM: Final = 0.993
"""What is looked for: other queries than the sampled ones may find a little less."""
_SOON_DONE: Final = 8_000
"""Vectors compared, on average, up to which exact search is as fast as any: 20 µs."""
_APART: Final = 1.5
"""What comparing with a vector of a list costs against one of the flat search: lists lie apart."""
_STEPS: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_FEW: Final = 1_000
"""Allowed items up to which each is compared as a whole: nothing is worth preparing."""

_WIDER: Final = 2
"""Times the allowed items that a search behind a filter looks at, at least: what is left may lie apart."""
_BROAD: Final = (0.5, 0.2)
"""Shares of items that the filters let through on which recall is measured."""

EXACT_SHARE: Final = 0.1
"""At or under this share of allowed items only they are compared: inverted lists lose nearly all recall behind a
selective mask (0.19 at 1 %), and the rows are few."""
_FLAT_SHARE: Final = 0.25
"""The same for flat search, which stops early when it passes over items that may not be shown."""


class FaissIndex:
    """Made by `build`, memory-mapped by `load`."""

    def __init__(self, vectors: Vectors, facts: IndexFacts, engine: Engine) -> None:
        self.vectors = vectors
        self.facts = facts
        self._engine = engine

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        *,
        kind: Kind | None = None,
        probes: int | None = None,
        target: float = TARGET,
        asked: Vectors | None = None,
        depth: int = USUAL_DEPTH,
        seed: int = 0,
    ) -> Self:
        """Index `vectors: float32[n, d]`, rows by item code.

        The kind, if none is given, is the one that compares least among those that reach `target`, measured on `asked:
        float32[q, d]` (where there are none, on mixtures of items) for lists of `depth`; so are the probes of inverted
        lists. Raises InputError for vectors that are no finite matrix, and where the kind and probes asked for stay
        below the target.
        """
        rows = check_vectors(vectors)
        given = asked if asked is not None and len(asked) else questions_like(rows, seed)
        judge = _Judge(rows, check_vectors(given), depth, max(_AIM, target))
        flat = IndexFacts(
            kind="flat",
            items=len(rows),
            dimensions=rows.shape[1],
            target=target,
            depth=depth,
            compared=judge.flat_compared,
        )
        if kind == "flat" or (kind is None and flat.compared <= _SOON_DONE):
            return cls(rows, flat, judge.flat)
        lists = Lists.of(rows, seed)
        found = judge.probed(lists, flat, probes, math.inf if kind else flat.compared / _APART)
        if kind is None and (min(found.recalls) < target or found.compared * _APART > flat.compared):
            return cls(rows, flat, judge.flat)
        if min(found.recalls) < target:
            raise InputError(
                f"the index ({kind}) over {len(rows)} items stays below its recall target of {target}; "
                "give it more probes, or let it choose its kind itself"
            )
        return cls(rows, found, lists)

    def __len__(self) -> int:
        return len(self.vectors)

    def plan(self, k: int, mask: Mask | Allowed | None = None) -> Plan:
        """As `VectorIndex.plan`."""
        flat = self.facts.kind == "flat"
        few = max(k, _FEW, (_FLAT_SHARE if flat else EXACT_SHARE) * len(self))
        if mask is None:
            return Plan("flat" if flat else "ivf", 1.0)
        allowed = Allowed.of(mask)
        if len(allowed) <= (few if flat else max(few, self.facts.compared)):
            return Plan("exact", allowed.share)
        return Plan("flat" if flat else "ivf", allowed.share)

    def search(self, queries: Vectors, k: int, mask: Mask | Allowed | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.search`."""
        check_search(self.vectors, queries, k, mask)
        allowed = None if mask is None else Allowed.of(mask)
        return padded([self.nearest(query, k, allowed) for query in np.ascontiguousarray(queries)], k)

    def nearest(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Found:
        """As `VectorIndex.nearest`."""
        engine = self._engine
        if allowed is not None and self.plan(k, allowed).search == "exact":
            if len(allowed) <= _FEW:
                return scan_some(self.vectors, allowed.pool.codes, allowed.hidden, query, k)
            return engine.among(query, k, allowed)
        if isinstance(engine, ByLength):
            return engine.search(query, k, allowed)
        return engine.search(query, k, self.facts.probes_for(k), allowed)

    def save(self, folder: Path) -> None:
        """Write the vectors, the facts and what is searched into `folder`."""
        save_arrays(folder, vectors=self.vectors)
        self.facts.save(folder)
        self._engine.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map an index from `folder`; raises ReleaseCorrupt when it cannot be read.

        What was written before searches read bytes is put in order anew, as an exact index.
        """
        vectors = load_array(folder, "vectors")
        if not (folder / "scales.npy").exists() and _is_older(folder):
            return cls.build(vectors, kind="flat")
        facts = IndexFacts.load(folder)
        if vectors.shape != (facts.items, facts.dimensions):
            raise ReleaseCorrupt(f"the index in {folder.name!r} does not fit its vectors")
        engine: Engine = (ByLength if facts.kind == "flat" else Lists).load(folder, vectors)
        return cls(vectors, facts, engine)


def _is_older(folder: Path) -> bool:
    """Whether a folder holds an index as FAISS wrote it, or whole rows by length."""
    return (folder / "index.faiss").exists() or (folder / "rows.npy").exists()


@dataclass(frozen=True)
class _Judge:
    """The exact answers to sampled queries."""

    rows: Vectors
    asked: Vectors
    depth: int
    aim: float

    @cached_property
    def flat(self) -> ByLength:
        return ByLength.of(self.rows)

    @property
    def _depths(self) -> tuple[int, int]:
        return min(self.depth, DEPTH), DEPTH

    @property
    def flat_compared(self) -> float:
        """Vectors that exact search by length looks at."""
        return self._mean(self.flat.compared(query, self.depth) for query in self.asked)

    def probed(self, lists: Lists, facts: IndexFacts, probes: int | None, most: float) -> IndexFacts:
        """Facts of inverted lists with the fewest probes that find enough, or with those that were asked for.

        Nothing is tried for the usual depth that compares more than `most` vectors.
        """
        steps = tuple(min(step, len(lists)) for step in ((probes,) if probes else (*_STEPS, len(lists))))
        found = []
        for depth in self._depths:
            bound = most if depth == self._depths[0] else math.inf
            cheap = tuple(step for step in steps if len(lists) + step * len(self.rows) / len(lists) <= bound)
            few, recall = self._fewest(lists, depth, None, 0, cheap) if cheap else (0, 0.0)
            if recall < facts.target:
                return replace(facts, kind="ivf_sq8", recall=recall)
            filtered = [self._fewest(lists, depth, pool, few, steps) for pool in self._filters]
            found.append(
                (few, max(each[0] for each in filtered), min(recall, *(each[1] for each in filtered)))
            )
        (few, filtered_few, recall), (deep, filtered_deep, deep_recall) = found
        return replace(
            facts,
            kind="ivf_sq8",
            lists=len(lists),
            probes=few,
            deep_probes=max(few, deep),
            filtered_probes=filtered_few,
            deep_filtered_probes=max(filtered_few, filtered_deep),
            recall=recall,
            deep_recall=deep_recall,
            compared=self._mean(lists.compared(query, self.depth, few) for query in self.asked),
        )

    @cached_property
    def _filters(self) -> tuple[Allowed, ...]:
        """Corners of the space, as categories are, of the shares that lists are still read for."""
        size, filters = self.rows.shape, []
        for share, direction in zip(
            _BROAD, np.random.default_rng(0).standard_normal((len(_BROAD), size[1])), strict=True
        ):
            nearest = np.argsort(-(self.rows @ direction.astype(np.float32))).astype(np.int32)
            filters.append(Allowed(ItemSet.of(nearest[: round(share * size[0])], size[0])))
        return tuple(filters)

    def _fewest(
        self, lists: Lists, depth: int, allowed: Allowed | None, least: int, steps: tuple[int, ...]
    ) -> tuple[int, float]:
        """The first of some numbers of probes that reaches the aim, or the last; and its recall."""
        best = [self.flat.search(query, depth, allowed)[0] for query in self.asked]
        for probes in steps:
            both = (probes, probes) if allowed is None else (least, max(probes, _WIDER * least))
            recall = found_share([lists.search(query, depth, both, allowed)[0] for query in self.asked], best)
            if recall >= self.aim:
                break
        return both[1], recall

    def _mean(self, counts: Iterator[int]) -> float:
        return sum(counts) / max(len(self.asked), 1)
