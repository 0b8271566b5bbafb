"""From a query to a taste: the events weighed, the vector folded in, the seeds chosen."""

from dataclasses import dataclass

import numpy as np

from recsys.config import ReleaseConfig
from recsys.history import EMPTY_HISTORY, History
from recsys.models.als import Als
from recsys.models.tags import TagVectors
from recsys.query import Query
from recsys.retrieval.source import Codes, Taste, Values
from recsys.weights import event_values, net_items

__all__ = ["TasteReader"]


@dataclass(frozen=True)
class TasteReader:
    """Reads tastes with the models of one release."""

    config: ReleaseConfig
    als: Als
    tags: TagVectors

    def read(self, query: Query) -> Taste:
        """The taste of a shopper, or of the items a related list is asked for (if any of them is known)."""
        if query.related is not None and len(query.related):
            return self._related(query.related)
        history = EMPTY_HISTORY if query.personalization == "none" else query.history
        own, values = self._own(history)
        recent = _most_recent(history, own, self.config.retrieval.seeds)
        return Taste(own, values, recent, self._seed_weights(len(recent)), self._vector(query, own, values))

    def _related(self, items: Codes) -> Taste:
        distinct = np.unique(items).astype(np.int32)
        ones = np.ones(len(distinct), np.float32)
        vector = self.als.fold_in(distinct, ones) if len(distinct) else None
        return Taste(distinct, ones, distinct, ones, vector, related=True)

    def _own(self, history: History) -> tuple[Codes, Values]:
        if not len(history):
            return history.items, np.empty(0, np.float32)
        newest = int(history.times[-1])
        values = event_values(history.types, history.times, newest, self.config.behaviour)
        return net_items(history.items, values)

    def _seed_weights(self, count: int) -> Values:
        weights: Values = (self.config.retrieval.seed_decay ** np.arange(count)).astype(np.float32)
        return weights

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


def _most_recent(history: History, own: Codes, most: int) -> Codes:
    """Distinct items of positive net interest, most recent first."""
    backwards = history.items[::-1]
    backwards = backwards[np.isin(backwards, own)]
    _, first = np.unique(backwards, return_index=True)
    return backwards[np.sort(first)][:most].astype(np.int32)
