"""The way of a request, in one page: sources → filter → union → score → boost → diversify → select.

No business rule lives here. What may not be shown leaves before any top-k, so that a selective filter costs no
recall. Every catalogue item ends in exactly one bucket of `Answer.counts`. The same code answers the shop, writes
batch lists and is evaluated.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Self, cast

import numpy as np

from recsys.arrays import load_array, load_json
from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.live_items import LiveItems
from recsys.models.als import Als
from recsys.models.covisitation import Covisitation
from recsys.models.embedding import ItemEmbedding
from recsys.models.item_stats import ItemStats
from recsys.models.linked import Linked
from recsys.models.repeats import Repeats
from recsys.models.sessions import Sessions
from recsys.models.tags import TagVectors
from recsys.models.trending import Trending
from recsys.query import Answer, FeatureRows, Query
from recsys.ranking.answer import Work, answer
from recsys.ranking.blend import Blend
from recsys.ranking.diversity import diversify
from recsys.ranking.features import FEATURES, FeatureTable, Matrix
from recsys.ranking.order import Ranking, union
from recsys.ranking.ranker import Ranker
from recsys.ranking.said import Said
from recsys.ranking.slots import SlotRule, slot_rule
from recsys.reading import Reading
from recsys.retrieval.alike import AlikeItems
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.gates import Gates
from recsys.retrieval.index_facts import Plan
from recsys.retrieval.linked import LinkedItems
from recsys.retrieval.live_index import FreshRows, LiveIndex
from recsys.retrieval.own import OwnItems
from recsys.retrieval.placing import Placing
from recsys.retrieval.reader import TasteReader
from recsys.retrieval.sessions import SessionNeighbours
from recsys.retrieval.source import Allowed, Codes, Scores, Source, Taste, Values
from recsys.retrieval.taste import NearestToTaste
from recsys.retrieval.together import MetTogether
from recsys.retrieval.trending import TrendingItems
from recsys.room import load_with_room
from recsys.rules.filters import Filters
from recsys.vocabulary import Vocabulary

__all__ = ["Pipeline", "Watch"]

Watch = Callable[[str], AbstractContextManager[object]]
"""Called with a stage's or a source's name around it: how a process times it."""

_NONE: Final = np.empty(0, np.int32)
_OF_BEHAVIOUR: Final = frozenset({SessionNeighbours.name, MetTogether.name, LinkedItems.name})
"""Sources whose arrays end with the release's own items."""
_UNWATCHED: Final[Watch] = lambda _: nullcontext()  # noqa: E731


@dataclass(frozen=True)
class Pipeline:
    """One loaded release; immutable but for its live items, so any number of threads may ask.

    What is read by item code has room for items born later (`recsys.room`), whose rows say what is said of an item
    without events. Lists of behaviour end with the release: they are asked about its own items only.
    """

    config: ReleaseConfig
    catalogue: Catalogue
    reader: TasteReader
    sources: tuple[Source, ...]
    trending: Trending
    table: FeatureTable
    ranker: Ranker | None
    """None: the log could not teach one, the own-first rule orders."""
    live: LiveItems
    """Takes in what changes while the release is served."""

    @cached_property
    def filters(self) -> Filters:
        """Masks of the catalogue, kept while it does not change."""
        return Filters(self.catalogue)

    @cached_property
    def blend(self) -> Blend:
        """The rule over the sources."""
        return Blend(self.config.blend)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map a release folder (see `recsys.train.fit_release`)."""
        config = ReleaseConfig.load(folder)
        catalogue = Catalogue.load(folder / "catalogue")
        room = catalogue.room
        trending = Trending.load(folder / "trending")
        trending = replace(trending, scores=load_with_room(folder / "trending", "scores", room))
        stats = load_with_room(folder / "item_stats", "table", room)
        rate, cycle_days = (load_with_room(folder / "repeats", name, room) for name in ("rate", "cycle_days"))
        factors, vectors = (
            FreshRows(load_with_room(folder / name / "index", "vectors", room), catalogue.released)
            for name in ("als", "embedding")
        )
        together = Covisitation.load(folder / "covisitation")
        sources: tuple[Source, ...] = (
            OwnItems(),
            NearestToTaste(LiveIndex(FaissIndex.load(folder / "als" / "index"), factors), factors.vectors),
            SessionNeighbours(Sessions.load(folder / "sessions")),
            MetTogether(together),
            LinkedItems(Linked.load(folder / "linked")),
            AlikeItems(LiveIndex(FaissIndex.load(folder / "embedding" / "index"), vectors), vectors.vectors),
            TrendingItems(trending, lambda: catalogue.category),
        )
        als = Als.load(folder / "als", factors.vectors)
        known_until = int(load_json(folder, "known")["until"])
        reader = TasteReader(config, als, TagVectors.load(folder / "tags"), known_until)
        table = FeatureTable(catalogue, ItemStats(stats), Repeats(rate, cycle_days), vectors.vectors)
        ranker = Ranker.load(folder / "ranker", FEATURES) if (folder / "ranker").is_dir() else None
        live = LiveItems(
            catalogue,
            vectors,
            lambda: _placing(folder / "embedding", config),
            (stats, rate, cycle_days),
            trending.scores[: catalogue.released],
            together,
        )
        return cls(config, catalogue, reader, sources, trending, table, ranker, live)

    @property
    def vocabulary(self) -> Vocabulary:
        """Item ids by code."""
        return self.catalogue.vocabulary

    def recommend(self, query: Query, watch: Watch = _UNWATCHED, reading: Reading | None = None) -> Answer:
        """Answer one query; never fails for unknown or missing history, never empty while an item may be shown.

        Lists of one page share a `reading`, so that what its shopper's past says is read once.
        """
        reading = Reading() if reading is None else reading
        with watch("read"):
            taste = reading.known(query) or reading.begin(query, self.reader.read(query))
        with watch("filter"):
            listings = self.catalogue.listings
            rule = slot_rule(query, self.table.repeats, self.config.slots)
            gates = self._gates(query, taste)
            rule.close(gates)
            allowed = gates.allowed
        with watch("retrieve"):
            scores, proposals = self._retrieve(query, reading, allowed, watch)
            if query.explain:
                gates.plans.update(self._plans(query, allowed))
        with watch("score"):
            # A shelf shows everything it may; elsewhere what the sources propose competes.
            codes = allowed.codes() if rule.closed else union(proposals.values())
            ranking, features = self._rank(query, taste, codes, scores)
        with watch("select"):
            ranking, gone = self._without_gone(ranking, listings)
            left = allowed.without(gone)
            ranking, held_back = self._select(query, rule, ranking, left)
            work = Work(
                query, taste, gates, scores, proposals, ranking, self.blend, held_back, features, gone
            )
            return answer(work)

    def candidates(self, query: Query) -> tuple[Codes, Matrix, Values]:
        """What a question is answered from: codes int32[c], features, and the scores of the own-first rule."""
        reading = Reading()
        taste = reading.begin(query, self.reader.read(query))
        scores, proposals = self._retrieve(query, reading, self._gates(query, taste).allowed, _UNWATCHED)
        codes = union(proposals.values())
        said, rule = self._said(taste, codes, scores)
        return codes, self.table.matrix(taste, codes, said, rule), rule

    def _retrieve(
        self, query: Query, reading: Reading, allowed: Allowed, watch: Watch
    ) -> tuple[dict[str, Scores], dict[str, Codes]]:
        """What each chosen source says and proposes."""
        scores: dict[str, Scores] = {}
        proposals: dict[str, Codes] = {}
        for source in self.sources:
            if query.sources is not None and source.name not in query.sources:
                continue
            with watch(source.name):
                said = reading.scores.get(source.name)
                scores[source.name] = self._read(source, reading) if said is None else said
                most = self.config.retrieval.proposals(source.name, query.num)
                proposals[source.name] = scores[source.name].top(most, allowed)
        return scores, proposals

    def _read(self, source: Source, reading: Reading) -> Scores:
        taste = cast(Taste, reading.taste)
        said = source.read(self._released(taste) if source.name in _OF_BEHAVIOUR else taste)
        reading.scores[source.name] = said
        return said

    def _released(self, taste: Taste) -> Taste:
        """The taste as models of behaviour know it: without items that were born after the release."""
        count = self.catalogue.released
        if not self.live.born or not len(taste.own) or taste.own[-1] < count:
            return taste
        own, recent = taste.own < count, taste.recent < count
        return replace(
            taste,
            own=taste.own[own],
            own_values=taste.own_values[own],
            recent=taste.recent[recent],
            recent_weights=taste.recent_weights[recent],
            recent_ages=taste.recent_ages[recent],
        )

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
        said, rule = self._said(taste, codes, scores)
        totals, matrix = self._scores(query, taste, codes, said, rule)
        logged = None if matrix is None or not query.log_features else FeatureRows(codes, matrix)
        boosts = self._boosts(query, codes) if query.boosts else None
        ranking = Ranking(codes, totals if boosts is None else totals * boosts, said, boosts).sorted()
        if query.diversity <= 0:
            return ranking, logged
        order = diversify(ranking.scores, self.table.vectors[ranking.codes], query.num, query.diversity)
        return ranking.take(order), logged

    def _boosts(self, query: Query, codes: Codes) -> Values:
        """What the scores are multiplied by, float32[c]."""
        boosts = np.ones(len(codes), np.float32)
        for expression, factor in query.boosts:
            boosts[self.filters.flags(expression, query.attributes, query.as_of)[codes]] *= np.float32(factor)
            np.clip(boosts, 1e-6, 1e6, out=boosts)  # many boosts multiply; a score must stay a number
        return boosts

    def _said(self, taste: Taste, codes: Codes, scores: Mapping[str, Scores]) -> tuple[Said, Values]:
        """What each source, and the rule over them, says of the candidates."""
        said = Said.about(codes, scores)
        return said, self.blend.scores(said, self.trending.scores[codes], related=taste.related)

    def _scores(
        self, query: Query, taste: Taste, codes: Codes, said: Said, rule: Values
    ) -> tuple[Values, Matrix | None]:
        """By the ranker where a shopper's past says something, else by the rule; and what the ranker sees.

        Some sources alone are a shelf's wish, which the rule follows; the ranker would miss what the others say.
        """
        past = len(taste.own) and not taste.related and query.sources is None
        if not past or not (self.ranker or query.log_features):
            return rule, None
        matrix = self.table.matrix(taste, codes, said, rule)
        return rule if self.ranker is None else self.ranker.score(matrix), matrix

    def _without_gone(self, ranking: Ranking, listings: int) -> tuple[Ranking, Codes]:
        """The ranking without what was taken out since its request began, and what that was: the last look."""
        if self.catalogue.listings == listings:
            return ranking, _NONE
        kept = self.catalogue.still_listed(ranking.codes)
        return ranking.take(np.flatnonzero(kept)), ranking.codes[~kept]

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
        """The `count` most wanted allowed items that are not in the list yet; newborns last, the newest first."""
        left = allowed.without(taken)
        found = left.first(self.trending.order, count)
        if len(found) < count and self.live.born:
            found = np.concatenate((found, left.first(self.live.newest, count - len(found))))
        return found[self.catalogue.still_listed(found)]


def _placing(folder: Path, config: ReleaseConfig) -> Placing | None:
    """How this release makes vectors of words; None for one that does not tell."""
    if not (folder / "text").is_dir():
        return None
    embedding = ItemEmbedding.load(folder, load_array(folder / "index", "vectors"))
    return Placing(embedding, config.embedding.content_strength)
