"""The service behind every list: read the shopper, ask the pipeline of one release, present what it answers.

Invariants: a call sees exactly one release; an unknown shopper, item or empty history is a normal case; nothing is
written here, what is noted about a list is noted after it is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from recsys.query import Answer, Query
from recsys.ranking.feature_log import drawn
from serving.ids import uuid7
from serving.lists.hydrators import Shopper, ShopperHydrator
from serving.lists.listings import Ask, Listing
from serving.lists.logged import logged_of
from serving.lists.presenter import digest_of, place, view_of, why_not_words
from serving.lists.queries import make_query
from serving.lists.stage_watch import OutOfTime, Pace, StageWatch
from serving.live.releases import LoadedRelease, Releases
from serving.observability import Metrics
from serving.times import now_ms

__all__ = ["Limits", "Moment", "Recommender"]

_CHEAPEST: Final = ("trending",)


@dataclass(frozen=True, slots=True)
class Moment:
    """What one request sees: a release, a shopper, a time (ms). Taken once, used for everything in the answer."""

    release: LoadedRelease
    shopper: Shopper
    at: int

    @property
    def events_lag_ms(self) -> int | None:
        """0 when the shopper was read (an acknowledged event is in the history already), None when not."""
        return 0 if self.shopper.read else None

    def degraded(self, max_staleness_s: float | None = None) -> tuple[str, ...]:
        """What an answer has to do without."""
        age_ms = self.at - self.release.manifest.created_at
        parts = []
        if self.shopper.away:
            parts.append("online_features")
        if max_staleness_s is not None and age_ms > max_staleness_s * 1000:
            parts.append("stale_release")
        return tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a request may use."""

    history_length: int
    """Events of a shopper that count."""
    deadline_ms: float
    """Work after which a request answers with what it has."""
    feature_log_share: float = 1.0
    """Share of answers whose features are logged."""


class Recommender:
    """Makes lists."""

    def __init__(
        self,
        releases: Releases,
        shoppers: ShopperHydrator,
        metrics: Metrics,
        limits: Limits,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._releases = releases
        self._shoppers = shoppers
        self._metrics = metrics
        self._limits = limits
        self._pace = Pace()
        self._clock = clock

    def recommend(self, ask: Ask) -> Listing:
        """One list.

        Raises:
            NotReady: no release is loaded.
            ExpressionError: a filter does not parse.
        """
        moment = self.moment(ask)
        recomm_id = uuid7(moment.at)
        query = self.query(ask, moment, recomm_id)
        answer, late = self.answer(query, moment)
        catalogue = moment.release.pipeline.catalogue
        degraded = (*moment.degraded(ask.max_staleness_s), *late)
        self._metrics.answer(answer.fallback_used, degraded)
        return Listing(
            recomm_id=recomm_id,
            ask=ask,
            at=moment.at,
            release=moment.release,
            items=place(answer, catalogue, view_of(ask, moment.at)),
            fallback_used=answer.fallback_used,
            degraded=degraded,
            notices=_notices(query, answer),
            events_lag_ms=moment.events_lag_ms,
            why_not=why_not_words(ask, answer, catalogue),
            state_digest=digest_of(query),
            not_shown=tuple(catalogue.vocabulary.decode(answer.not_shown)),
            logged=logged_of([answer]),
        )

    def moment(self, ask: Ask) -> Moment:
        """What a request sees from now on.

        Raises:
            NotReady: no release is loaded.
        """
        release = self._releases.current()
        shopper = self._shoppers.read(ask.user_id, ask.session_id, ask.personalization)
        return Moment(release, shopper, self._clock())

    def query(self, ask: Ask, moment: Moment, recomm_id: str) -> Query:
        """The pipeline's question; the list's id decides whether its features are logged.

        Raises:
            ExpressionError: a filter does not parse.
        """
        vocabulary = moment.release.pipeline.vocabulary
        query = make_query(ask, moment.shopper, vocabulary, moment.at, self._limits.history_length)
        log_features = not ask.dry_run and drawn(recomm_id, self._limits.feature_log_share)
        return replace(query, log_features=log_features)

    def answer(self, query: Query, moment: Moment) -> tuple[Answer, tuple[str, ...]]:
        """What the release answers and what that had to do without; its stages are measured.

        Over the deadline the trending items under the same filter answer.
        """
        pipeline, watch = moment.release.pipeline, StageWatch(self._limits.deadline_ms, self._pace)
        try:
            return pipeline.recommend(query, watch), ()
        except OutOfTime:
            return pipeline.recommend(replace(query, sources=_CHEAPEST, diversity=0.0)), ("deadline",)
        finally:
            self._metrics.stages(watch.milliseconds)


def _notices(query: Query, answer: Answer) -> tuple[str, ...]:
    unknown = query.related is not None and len(query.related) == 0
    return (*answer.notices, *(("unknown_item_ids",) if unknown else ()))
