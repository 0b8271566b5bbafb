"""The way of a request, in one page: sources → filter → union → score → boost → diversify → select.

No business rule lives here. What may not be shown leaves before any top-k, so that a selective filter costs no
recall. Every catalogue item ends in exactly one bucket of `Answer.counts`. The same code answers the shop, writes
batch lists and is evaluated.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from recsys.arrays import load_array
from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.expressions import Expression
from recsys.models.als import Als
from recsys.models.covisitation import Covisitation
from recsys.models.tags import TagVectors
from recsys.models.trending import Trending
from recsys.query import Answer, Query
from recsys.ranking.answer import Work, answer
from recsys.ranking.blend import blend
from recsys.ranking.diversity import diversify
from recsys.ranking.order import Ranking, union
from recsys.retrieval.alike import AlikeItems
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.own import OwnItems
from recsys.retrieval.reader import TasteReader
from recsys.retrieval.source import Codes, Flags, Scores, Source, Taste, Values
from recsys.retrieval.taste import NearestToTaste
from recsys.retrieval.together import MetTogether
from recsys.retrieval.trending import TrendingItems, first_allowed
from recsys.rules.masks import item_mask
from recsys.vocabulary import Vocabulary

__all__ = ["Pipeline", "Watch"]

Watch = Callable[[str], AbstractContextManager[object]]
"""Called with a stage's or a source's name around it: how a process times it."""

_UNWATCHED: Final[Watch] = lambda _: nullcontext()  # noqa: E731


@dataclass(frozen=True)
class Pipeline:
    """One loaded release; immutable but for the catalogue's live columns, so any number of threads may ask."""

    config: ReleaseConfig
    catalogue: Catalogue
    reader: TasteReader
    sources: tuple[Source, ...]
    trending: Trending
    vectors: Values
    """Item embeddings float32[n, d] of length 1, for diversity."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map a release folder (see `recsys.train.fit_release`)."""
        config = ReleaseConfig.load(folder)
        catalogue = Catalogue.load(folder / "catalogue")
        trending = Trending.load(folder / "trending")
        factors, vectors = (load_array(folder / name / "index", "vectors") for name in ("als", "embedding"))
        sources: tuple[Source, ...] = (
            OwnItems(),
            NearestToTaste(FaissIndex.load(folder / "als" / "index"), factors),
            MetTogether(Covisitation.load(folder / "covisitation")),
            AlikeItems(FaissIndex.load(folder / "embedding" / "index"), vectors),
            TrendingItems(trending, catalogue.category),
        )
        als = Als.load(folder / "als", factors)
        reader = TasteReader(config, als, TagVectors.load(folder / "tags"))
        return cls(config, catalogue, reader, sources, trending, vectors)

    @property
    def vocabulary(self) -> Vocabulary:
        """Item ids by code."""
        return self.catalogue.vocabulary

    def recommend(self, query: Query, watch: Watch = _UNWATCHED) -> Answer:
        """Answer one query; never fails for unknown or missing history, never empty while an item may be shown."""
        with watch("read"):
            taste = self.reader.read(query)
        with watch("filter"):
            gates = self._gates(query, taste)
            allowed = np.logical_and.reduce(list(gates.values()))
        scores: dict[str, Scores] = {}
        proposals: dict[str, Codes] = {}
        with watch("retrieve"):
            for source in self._chosen(query):
                with watch(source.name):
                    scores[source.name] = source.read(taste)
                    proposals[source.name] = scores[source.name].top(
                        self.config.retrieval.candidates, allowed
                    )
        with watch("score"):
            ranking = self._rank(query, taste, union(proposals.values()), scores)
        with watch("select"):
            if query.fill and len(ranking) < query.num:
                ranking = ranking.filled(self._most_wanted(ranking.codes, query.num, allowed))
            return answer(Work(query, taste, gates, scores, proposals, ranking, self.config.blend))

    def _chosen(self, query: Query) -> Sequence[Source]:
        if query.sources is None:
            return self.sources
        return [source for source in self.sources if source.name in query.sources]

    def _gates(self, query: Query, taste: Taste) -> dict[str, Flags]:
        """What may pass each filter, by filter name, in order."""
        gates = {"ineligible": self.catalogue.eligible(query.as_of)}
        gone = [query.exclude, *([taste.own] if taste.related else [])]
        if any(map(len, gone)):
            gates["excluded"] = np.ones(len(self.catalogue), bool)
            gates["excluded"][np.concatenate(gone)] = False
        if query.filter is not None:
            gates["filtered"] = self._mask(query.filter, query)
        return gates

    def _mask(self, expression: Expression, query: Query) -> Flags:
        return item_mask(expression, self.catalogue, user=query.attributes, as_of=query.as_of)

    def _rank(self, query: Query, taste: Taste, codes: Codes, scores: Mapping[str, Scores]) -> Ranking:
        features = {name: found.at(codes) for name, found in scores.items()}
        boosts = np.ones(len(codes), np.float32)
        for expression, factor in query.boosts:
            boosts[self._mask(expression, query)[codes]] *= np.float32(factor)
            np.clip(boosts, 1e-6, 1e6, out=boosts)  # many boosts multiply; a score must stay a number
        trend = self.trending.scores[codes]
        totals = blend(features, trend, self.config.blend, related=taste.related) * boosts
        ranking = Ranking(codes, totals, features, boosts).sorted()
        if query.diversity <= 0:
            return ranking
        order = diversify(ranking.scores, self.vectors[ranking.codes], query.num, query.diversity)
        return ranking.take(order)

    def _most_wanted(self, taken: Codes, num: int, allowed: Flags) -> Codes:
        """The most wanted allowed items that are not in the list yet, as many as it lacks."""
        free = allowed.copy()
        free[taken] = False
        return first_allowed(self.trending.order, num - len(taken), free)
