"""The way of a request, in one page: sources → filter → union → score → boost → diversify → select.

No business rule lives here. What may not be shown leaves before any top-k, so that a selective filter costs no
recall. Every catalogue item ends in exactly one bucket of `Answer.counts`. The same code answers the shop, writes
batch lists and is evaluated.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np

from recsys.arrays import load_array, load_json
from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.models.als import Als
from recsys.models.covisitation import Covisitation
from recsys.models.item_stats import ItemStats
from recsys.models.linked import Linked
from recsys.models.repeats import Repeats
from recsys.models.sessions import Sessions
from recsys.models.tags import TagVectors
from recsys.models.trending import Trending
from recsys.query import Answer, FeatureRows, Query
from recsys.ranking.answer import Work, answer
from recsys.ranking.blend import blend
from recsys.ranking.diversity import diversify
from recsys.ranking.features import FEATURES, FeatureTable, Matrix
from recsys.ranking.order import Ranking, union
from recsys.ranking.ranker import Ranker
from recsys.ranking.slots import SlotRule, slot_rule
from recsys.retrieval.alike import AlikeItems
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.gates import Gates
from recsys.retrieval.index_facts import Plan
from recsys.retrieval.linked import LinkedItems
from recsys.retrieval.own import OwnItems
from recsys.retrieval.reader import TasteReader
from recsys.retrieval.sessions import SessionNeighbours
from recsys.retrieval.source import Allowed, Codes, Scores, Source, Taste, Values
from recsys.retrieval.taste import NearestToTaste
from recsys.retrieval.together import MetTogether
from recsys.retrieval.trending import TrendingItems
from recsys.rules.filters import Filters
from recsys.vocabulary import Vocabulary

__all__ = ["Pipeline", "Watch"]

Watch = Callable[[str], AbstractContextManager[object]]
"""Called with a stage's or a source's name around it: how a process times it."""

_NONE: Final = np.empty(0, np.int32)
_UNWATCHED: Final[Watch] = lambda _: nullcontext()  # noqa: E731


@dataclass(frozen=True)
class Pipeline:
    """One loaded release; immutable but for the catalogue's live columns, so any number of threads may ask."""

    config: ReleaseConfig
    catalogue: Catalogue
    reader: TasteReader
    sources: tuple[Source, ...]
    trending: Trending
    table: FeatureTable
    ranker: Ranker | None
    """None: the log could not teach one, the own-first rule orders."""

    @cached_property
    def filters(self) -> Filters:
        """Masks of the catalogue, kept while it does not change."""
        return Filters(self.catalogue)

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
            SessionNeighbours(Sessions.load(folder / "sessions")),
            MetTogether(Covisitation.load(folder / "covisitation")),
            LinkedItems(Linked.load(folder / "linked")),
            AlikeItems(FaissIndex.load(folder / "embedding" / "index"), vectors),
            TrendingItems(trending, catalogue.category),
        )
        als = Als.load(folder / "als", factors)
        known_until = int(load_json(folder, "known")["until"])
        reader = TasteReader(config, als, TagVectors.load(folder / "tags"), known_until)
        repeats = Repeats.load(folder / "repeats")
        table = FeatureTable(catalogue, ItemStats.load(folder / "item_stats"), repeats, vectors)
        ranker = Ranker.load(folder / "ranker", FEATURES) if (folder / "ranker").is_dir() else None
        return cls(config, catalogue, reader, sources, trending, table, ranker)

    @property
    def vocabulary(self) -> Vocabulary:
        """Item ids by code."""
        return self.catalogue.vocabulary

    def recommend(self, query: Query, watch: Watch = _UNWATCHED) -> Answer:
        """Answer one query; never fails for unknown or missing history, never empty while an item may be shown."""
        with watch("read"):
            taste = self.reader.read(query)
        with watch("filter"):
            rule = slot_rule(query, self.table.repeats, self.config.slots)
            gates = self._gates(query, taste)
            rule.close(gates)
            allowed = gates.allowed
        with watch("retrieve"):
            scores, proposals = self._retrieve(query, taste, allowed, watch)
            if query.explain:
                gates.plans.update(self._plans(query, allowed))
        with watch("score"):
            # A shelf shows everything it may; elsewhere what the sources propose competes.
            codes = allowed.codes() if rule.closed else union(proposals.values())
            ranking, features = self._rank(query, taste, codes, scores)
        with watch("select"):
            ranking, held_back = self._select(query, rule, ranking, allowed)
            work = Work(
                query, taste, gates, scores, proposals, ranking, self.config.blend, held_back, features
            )
            return answer(work)

    def candidates(self, query: Query) -> tuple[Codes, Matrix, Values]:
        """What a question is answered from: codes int32[c], features, and the scores of the own-first rule."""
        taste = self.reader.read(query)
        scores, proposals = self._retrieve(query, taste, self._gates(query, taste).allowed, _UNWATCHED)
        codes = union(proposals.values())
        features, rule = self._said(taste, codes, scores)
        return codes, self.table.matrix(taste, codes, features, rule), rule

    def _retrieve(
        self, query: Query, taste: Taste, allowed: Allowed, watch: Watch
    ) -> tuple[dict[str, Scores], dict[str, Codes]]:
        """What each chosen source says and proposes."""
        scores: dict[str, Scores] = {}
        proposals: dict[str, Codes] = {}
        for source in self.sources:
            if query.sources is not None and source.name not in query.sources:
                continue
            with watch(source.name):
                scores[source.name] = source.read(taste)
                most = self.config.retrieval.proposals(source.name, query.num)
                proposals[source.name] = scores[source.name].top(most, allowed)
        return scores, proposals

    def _plans(self, query: Query, allowed: Allowed) -> dict[str, Plan]:
        """How each source of vectors searched."""
        return {
            source.name: source.index.plan(self.config.retrieval.proposals(source.name, query.num), allowed)
            for source in self.sources
            if isinstance(source, NearestToTaste | AlikeItems)
        }

    def _gates(self, query: Query, taste: Taste) -> Gates:
        """What may pass each filter, by filter name, in order."""
        listed = self.catalogue.listed()
        gates = Gates(listed)
        gone = [codes for codes in (query.exclude, taste.own if taste.related else _NONE) if len(codes)]
        if gone:
            gates.hide("excluded", np.concatenate(gone))
        if query.filter is not None:
            gates.filter(*self.filters.among(listed, query.filter, query.attributes, query.as_of))
        return gates

    def _rank(
        self, query: Query, taste: Taste, codes: Codes, scores: Mapping[str, Scores]
    ) -> tuple[Ranking, FeatureRows | None]:
        """The candidates in order, and their features where they are to be logged."""
        features, rule = self._said(taste, codes, scores)
        boosts = np.ones(len(codes), np.float32)
        for expression, factor in query.boosts:
            boosts[self.filters.flags(expression, query.attributes, query.as_of)[codes]] *= np.float32(factor)
            np.clip(boosts, 1e-6, 1e6, out=boosts)  # many boosts multiply; a score must stay a number
        totals, matrix = self._scores(query, taste, codes, features, rule)
        logged = None if matrix is None or not query.log_features else FeatureRows(codes, matrix)
        ranking = Ranking(codes, totals * boosts, features, boosts).sorted()
        if query.diversity <= 0:
            return ranking, logged
        order = diversify(ranking.scores, self.table.vectors[ranking.codes], query.num, query.diversity)
        return ranking.take(order), logged

    def _said(
        self, taste: Taste, codes: Codes, scores: Mapping[str, Scores]
    ) -> tuple[dict[str, Values], Values]:
        """What each source, and the rule over them, says of the candidates."""
        features = {name: found.at(codes) for name, found in scores.items()}
        wanted = self.trending.scores[codes]
        return features, blend(features, wanted, self.config.blend, related=taste.related)

    def _scores(
        self, query: Query, taste: Taste, codes: Codes, features: Mapping[str, Values], rule: Values
    ) -> tuple[Values, Matrix | None]:
        """By the ranker where a shopper's past says something, else by the rule; and what the ranker sees.

        Some sources alone are a shelf's wish, which the rule follows; the ranker would miss what the others say.
        """
        past = len(taste.own) and not taste.related and query.sources is None
        if not past or not (self.ranker or query.log_features):
            return rule, None
        matrix = self.table.matrix(taste, codes, features, rule)
        return rule if self.ranker is None else self.ranker.score(matrix), matrix

    def _select(
        self, query: Query, rule: SlotRule, ranking: Ranking, allowed: Allowed
    ) -> tuple[Ranking, int]:
        """As the slot wants it, completed where it is short; and how many at the end the slot held back."""
        ranking, held_back = rule.order(ranking, query.num)
        lacks = query.num - (len(ranking) - held_back)
        if lacks <= 0 or rule.closed or not query.fill:
            return ranking, held_back
        fresh = allowed.without(rule.seen())
        ranking = ranking.filled(self._most_wanted(ranking.codes, lacks, fresh))
        ranking = ranking.filled(self._most_wanted(ranking.codes, query.num - len(ranking), allowed))
        return rule.order(ranking, query.num)

    def _most_wanted(self, taken: Codes, count: int, allowed: Allowed) -> Codes:
        """The `count` most wanted allowed items that are not in the list yet."""
        return allowed.without(taken).first(self.trending.order, count)
