"""From a query to a taste: the events weighed, the vector folded in, the seeds chosen."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recsys.config import ReleaseConfig
from recsys.history import EMPTY_HISTORY, History
from recsys.models.als import Als
from recsys.models.tags import TagVectors
from recsys.past import EMPTY_PAST, Past
from recsys.query import Query
from recsys.retrieval.reader_kernel import Law, Worth, weigh
from recsys.retrieval.source import Codes, Taste, Values
from recsys.weights import DAY_MS, Fading

__all__ = ["TasteReader"]


@dataclass(frozen=True)
class TasteReader:
    """Reads tastes with the models of one release."""

    config: ReleaseConfig
    als: Als
    tags: TagVectors
    known_until: int
    """End of what the release knows (ms)."""

    def read(self, query: Query) -> Taste:
        """The taste of a shopper, or of the items a related list is asked for (if any of them is known)."""
        if query.related is not None and len(query.related):
            return self._related(query.related)
        history = EMPTY_HISTORY if query.personalization == "none" else query.history
        own, values, model_values, recent, ages = self._worth(history)
        weights = self._seed_weights[: len(recent)]
        past = Past.of(history, max(query.asked_at, self.known_until))
        vector = self._vector(query, own, model_values)
        return Taste(own, values, recent, weights, ages, past, vector)

    def _related(self, items: Codes) -> Taste:
        distinct = np.unique(items).astype(np.int32)
        ones = np.ones(len(distinct), np.float32)
        vector = self.als.fold_in(distinct, ones) if len(distinct) else None
        return Taste(distinct, ones, distinct, ones, 0 * ones, EMPTY_PAST, vector, related=True)

    def _worth(self, history: History) -> Worth:
        """Own items, what each is worth to the shopper's own list and to models, and the latest of them."""
        own, model = self._laws
        return weigh(
            history.items,
            history.types,
            history.times,
            history.by_item,
            self._strengths,
            own,
            model,
            self.config.retrieval.seeds,
        )

    def _vector(self, query: Query, own: Codes, values: Values) -> Values | None:
        """Events and attributes mixed by how many events there are; each alone when the other is missing."""
        expected = self.tags.vector(query.attributes) if query.personalization == "full" else None
        if not len(own):
            return expected
        seen = self.als.fold_in(own, values)
        if expected is None:
            return seen
        share = len(own) / (len(own) + self.config.retrieval.attribute_events)
        mixed: Values = (share * seen + (1.0 - share) * expected).astype(np.float32)
        return mixed

    @cached_property
    def _strengths(self) -> Values:
        return self.config.behaviour.table()

    @cached_property
    def _laws(self) -> tuple[Law, Law]:
        """How own items fade in the shopper's own list, and how in models."""
        model = self.config.behaviour.fading
        return _law(self.config.retrieval.own_fading or model), _law(model)

    @cached_property
    def _seed_weights(self) -> Values:
        weights: Values = self.config.retrieval.seed_decay ** np.arange(self.config.retrieval.seeds)
        return weights.astype(np.float32)


def _law(fading: Fading) -> Law:
    return fading.days * DAY_MS, fading.exponent
