"""From a query to a taste: the events weighed, the vector folded in, the seeds chosen."""

from dataclasses import dataclass

import numpy as np

from recsys.config import ReleaseConfig
from recsys.history import EMPTY_HISTORY, History
from recsys.models.als import Als
from recsys.models.tags import TagVectors
from recsys.past import EMPTY_PAST, Past
from recsys.query import Query
from recsys.retrieval.source import Codes, Taste, Values
from recsys.weights import HOUR_MS, event_values, net_items

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
        own, values, model_values = self._own(history)
        recent, ages = _most_recent(history, own, self.config.retrieval.seeds)
        weights = self._seed_weights(len(recent))
        past = Past.of(history, max(query.asked_at, self.known_until))
        return Taste(
            own,
            values,
            recent,
            weights,
            ages,
            past,
            self._vector(query, own, model_values),
        )

    def _related(self, items: Codes) -> Taste:
        distinct = np.unique(items).astype(np.int32)
        ones = np.ones(len(distinct), np.float32)
        vector = self.als.fold_in(distinct, ones) if len(distinct) else None
        return Taste(distinct, ones, distinct, ones, 0 * ones, EMPTY_PAST, vector, related=True)

    def _own(self, history: History) -> tuple[Codes, Values, Values]:
        """Own items, what each is worth to the shopper's own list, and what it is worth to models."""
        config, nothing = self.config, np.empty(0, np.float32)
        if not len(history):
            return history.items, nothing, nothing
        newest = int(history.times[-1])
        columns = (history.types, history.times, newest, config.behaviour)
        codes, own = net_items(history.items, event_values(*columns, config.retrieval.own_fading))
        if not len(codes):
            return codes, own, nothing
        places = np.minimum(np.searchsorted(codes, history.items), len(codes) - 1)
        known = codes[places] == history.items
        sums = np.bincount(places[known], weights=event_values(*columns)[known], minlength=len(codes))
        return codes, own, np.maximum(sums, 0).astype(np.float32)

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


def _most_recent(history: History, own: Codes, most: int) -> tuple[Codes, Values]:
    """Distinct items of positive net interest, most recent first, and the hours since each one's last event."""
    wanted = np.isin(history.items, own)
    backwards, times = history.items[wanted][::-1], history.times[wanted][::-1]
    first = np.sort(np.unique(backwards, return_index=True)[1])[:most]
    hours: Values = ((history.times.max(initial=0) - times[first]) / HOUR_MS).astype(np.float32)
    return backwards[first].astype(np.int32), hours
