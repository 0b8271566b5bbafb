"""What a shopper's past says, read once for all lists of a page: they differ in filter, place and length, not in whom
they are for."""

from dataclasses import dataclass, field

from recsys.errors import InputError
from recsys.query import Query
from recsys.retrieval.source import Scores, Taste

__all__ = ["Reading"]


@dataclass(slots=True)
class Reading:
    """Filled by `Pipeline.recommend` with the first list of a page, read with the others."""

    query: Query | None = None
    """The first."""
    taste: Taste | None = None
    scores: dict[str, Scores] = field(default_factory=dict)
    """By source, of those that were asked so far."""

    def begin(self, query: Query, taste: Taste) -> Taste:
        """Keep the taste that the first query was read as."""
        self.query, self.taste = query, taste
        return taste

    def known(self, query: Query) -> Taste | None:
        """The taste, when it was read already.

        Raises:
            InputError: the query is of another shopper, or sees less of him.
        """
        first = self.query
        if first is not None and not (
            query.history is first.history
            and query.attributes is first.attributes
            and query.related is first.related
            and query.personalization == first.personalization
            and query.asked_at == first.asked_at
        ):
            raise InputError("lists of one page are for one shopper; give another page a reading of its own")
        return self.taste
