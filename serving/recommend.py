"""The service behind every list: read the shopper, ask the pipeline of one release, present what it answers.

Invariants: a call sees exactly one release; an unknown shopper, item or empty history is a normal case; nothing is
written here, what is noted about a list is noted after it is answered.
"""

from collections.abc import Callable

from recsys.pipeline import Answer, Query
from serving.hydrators import Shopper, ShopperHydrator
from serving.ids import uuid7
from serving.listings import Ask, Listing
from serving.observability import Metrics
from serving.presenter import digest_of, place, view_of, why_not_words
from serving.queries import make_query
from serving.releases import LoadedRelease, Releases
from serving.times import now_ms

__all__ = ["Recommender"]


class Recommender:
    """Makes lists. `history_length` is how many events of a shopper count."""

    def __init__(
        self,
        releases: Releases,
        shoppers: ShopperHydrator,
        metrics: Metrics,
        history_length: int,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._releases = releases
        self._shoppers = shoppers
        self._metrics = metrics
        self._history_length = history_length
        self._clock = clock

    def recommend(self, ask: Ask) -> Listing:
        """One list.

        Raises:
            NotReady: no release is loaded.
            ExpressionError: a filter does not parse.
        """
        release = self._releases.current()
        shopper = self._shoppers.read(ask.user_id, ask.session_id, ask.personalization)
        at = self._clock()
        query = make_query(ask, shopper, release.pipeline.vocabulary, at, self._history_length)
        answer = release.pipeline.recommend(query)
        degraded = degradations(ask, shopper, release, answer, at)
        self._metrics.answer(answer.fallback_used, degraded)
        self._metrics.stages(answer.stages or {})
        catalogue = release.pipeline.catalogue
        return Listing(
            recomm_id=uuid7(at),
            ask=ask,
            at=at,
            release=release,
            items=place(answer, catalogue, view_of(ask, at)),
            fallback_used=answer.fallback_used,
            degraded=degraded,
            notices=_notices(ask, query, answer),
            events_lag_ms=0 if shopper.read else None,
            why_not=why_not_words(ask, answer, catalogue),
            state_digest=digest_of(query),
        )


def degradations(
    ask: Ask, shopper: Shopper, release: LoadedRelease, answer: Answer, at: int
) -> tuple[str, ...]:
    """What this list had to do without."""
    parts = list(answer.degraded)
    if shopper.away:
        parts.append("online_features")
    if ask.max_staleness_s is not None and at - release.manifest.created_at > ask.max_staleness_s * 1000:
        parts.append("stale_release")
    return tuple(parts)


def _notices(ask: Ask, query: Query, answer: Answer) -> tuple[str, ...]:
    unknown = bool(ask.item_ids) and len(query.related) == 0
    return (*answer.notices, *(("unknown_item_ids",) if unknown else ()))
