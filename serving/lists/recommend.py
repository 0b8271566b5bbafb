"""The service behind every list: read the shopper, ask the pipeline of one release, present what it answers.

Invariants: a call sees exactly one release; an unknown shopper, item or empty history is a normal case; nothing is
written here, what is noted about a list is noted after it is answered; who sets a bound to staleness gets nothing
older, but a reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from recsys.query import Answer, Query
from recsys.reading import Reading
from serving.errors import TooStale
from serving.ids import uuid7
from serving.lists.faces import Faces
from serving.lists.hydrators import Shopper, ShopperHydrator
from serving.lists.listings import Ask, Listing, Placed
from serving.lists.logged import LogBudget, logged_of
from serving.lists.presenter import digest_of, place, sources_of, view_of, why_not_words
from serving.lists.queries import make_query
from serving.lists.stage_watch import OutOfTime, Pace, StageWatch
from serving.live.releases import LoadedRelease, Releases
from serving.observability import Metrics
from serving.times import now_ms
from serving.tracing import watched

__all__ = ["Limits", "Moment", "Recommender"]

_CHEAPEST: Final = ("trending",)
_RELEASE_RETRY_S: Final = 60
_FEED_RETRY_S: Final = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """What one request sees: a release, a shopper, a time (ms). Taken once, used for everything in the answer."""

    release: LoadedRelease
    shopper: Shopper
    at: int
    faces: Faces

    @property
    def events_lag_ms(self) -> int | None:
        """0 when the shopper was read (an acknowledged event is in the history already), None when not."""
        return 0 if self.shopper.read else None

    @property
    def degraded(self) -> tuple[str, ...]:
        """What an answer has to do without."""
        return ("online_features",) if self.shopper.away else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a request may use."""

    history_length: int
    """Events of a shopper that count."""
    deadline_ms: float
    """Work after which a request answers with what it has."""
    feature_log_per_s: float = 20.0
    """Lists a second, at most, whose features are logged."""


class Recommender:
    """Makes lists."""

    def __init__(
        self,
        releases: Releases,
        shoppers: ShopperHydrator,
        metrics: Metrics,
        limits: Limits,
        clock: Callable[[], int] = now_ms,
        catalogue_lag_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._releases = releases
        self._shoppers = shoppers
        self._metrics = metrics
        self._limits = limits
        self._pace = Pace()
        self._clock = clock
        self._catalogue_lag_s = catalogue_lag_s
        self._log_budget = LogBudget(limits.feature_log_per_s)
        self._faces: dict[str, Faces] = {}

    async def read(self, ask: Ask) -> Shopper:
        """The shopper of a question, read while the event loop does other things."""
        return await self._shoppers.read_soon(ask.user_id, ask.session_id, ask.personalization)

    def recommend(self, ask: Ask, shopper: Shopper | None = None) -> Listing:
        """One list; `shopper` where he was read already.

        Raises:
            NotReady: no release is loaded.
            ExpressionError: a filter does not parse.
            TooStale: the release or the catalogue is older than the caller accepts.
        """
        moment = self.moment(ask, shopper)
        recomm_id = uuid7(moment.at)
        query = self.query(ask, moment)
        answer, late = self.answer(query, moment)
        catalogue = moment.release.pipeline.catalogue
        degraded = (*moment.degraded, *late)
        self.count(query, answer, degraded)
        return Listing(
            recomm_id=recomm_id,
            ask=ask,
            at=moment.at,
            release=moment.release,
            items=self._placed(answer, moment, ask),
            fallback_used=answer.fallback_used,
            degraded=degraded,
            notices=_notices(query, answer),
            events_lag_ms=moment.events_lag_ms,
            why_not=why_not_words(ask, answer, catalogue),
            sources=sources_of(answer) if ask.explain else None,
            state_digest=digest_of(query),
            not_shown=tuple(answer.not_shown.tolist()),
            logged=logged_of([answer]),
        )

    def moment(self, ask: Ask, shopper: Shopper | None = None) -> Moment:
        """What a request sees from now on; `shopper` where he was read already.

        Raises:
            NotReady: no release is loaded.
            TooStale: the release or the catalogue is older than the caller accepts.
        """
        release, at = self._releases.current(), self._clock()
        if ask.max_staleness_s is not None:
            self._refuse_stale(release, at, ask.max_staleness_s)
        if shopper is None:
            shopper = self._shoppers.read(ask.user_id, ask.session_id, ask.personalization)
        # After the read, so that no event of its history is later than the moment.
        return Moment(release, shopper, self._clock(), self.faces(release))

    def faces(self, release: LoadedRelease) -> Faces:
        """The prepared items of a release; those of releases that are gone are given up."""
        kept = self._faces.get(release.release_id)
        if kept is None or kept.catalogue is not release.pipeline.catalogue:
            kept = Faces(release.pipeline.catalogue)
            loaded = {each.release_id for each in self._releases.loaded}
            others = {name: faces for name, faces in self._faces.items() if name in loaded}
            self._faces = {**others, release.release_id: kept}
        return kept

    def _refuse_stale(self, release: LoadedRelease, at: int, most_s: float) -> None:
        age_s, lag_s = (at - release.manifest.created_at) / 1000, self._catalogue_lag_s()
        if age_s > most_s:
            self._metrics.refused_as_stale("release")
            raise TooStale(
                f"release {release.release_id!r} is {age_s:.0f} s old, max_staleness_s is {most_s:g}; "
                "ask without it for a list from this release",
                _RELEASE_RETRY_S,
            )
        if lag_s > most_s:
            self._metrics.refused_as_stale("catalogue")
            raise TooStale(
                f"prices and stock were last read completely {lag_s:.0f} s ago, max_staleness_s is {most_s:g}; "
                "ask without it for a list as of then",
                _FEED_RETRY_S,
            )

    def count(self, query: Query, answer: Answer, degraded: tuple[str, ...]) -> None:
        """Take one list into the metrics."""
        self._metrics.answer(answer.fallback_used, degraded)
        if not len(answer.items):
            self._metrics.empty(query.slot, answer.notices[0] if answer.notices else "none")

    def count_page(self, page: Listing) -> None:
        """Take one page of shelves into the metrics, as one list."""
        self._metrics.answer(page.fallback_used, page.degraded)
        if not page.items:
            self._metrics.empty("scenario", page.notices[0] if page.notices else "none")

    def _placed(self, answer: Answer, moment: Moment, ask: Ask) -> tuple[Placed, ...]:
        items = place(answer, moment.faces, view_of(ask, moment.at))
        self._metrics.cache("items", *moment.faces.counted())
        return items

    def query(self, ask: Ask, moment: Moment) -> Query:
        """The pipeline's question.

        Raises:
            ExpressionError: a filter does not parse.
        """
        vocabulary = moment.release.pipeline.vocabulary
        log_features = not ask.dry_run and self._log_budget.take()
        limit = self._limits.history_length
        return make_query(ask, moment.shopper, vocabulary, moment.at, limit, log_features=log_features)

    def answer(
        self, query: Query, moment: Moment, reading: Reading | None = None
    ) -> tuple[Answer, tuple[str, ...]]:
        """What the release answers and what that had to do without; its stages and candidates are measured.

        The lists of one page share a `reading`. Over the deadline the trending items under the same filter answer.
        """
        pipeline, watch = moment.release.pipeline, StageWatch(self._limits.deadline_ms, self._pace)
        late: tuple[str, ...] = ()
        try:
            answer = pipeline.recommend(query, watched(watch), reading)
        except OutOfTime:
            late = ("deadline",)
            answer = pipeline.recommend(replace(query, sources=_CHEAPEST, diversity=0.0))
        finally:
            self._metrics.stages(watch.milliseconds)
        counts = answer.counts
        competed = counts.get("shown", 0) + counts.get("ranked_below", 0) + counts.get("seen_before", 0)
        self._metrics.candidates({**answer.proposed, "union": competed})
        return answer, late


def _notices(query: Query, answer: Answer) -> tuple[str, ...]:
    unknown = query.related is not None and len(query.related) == 0
    return (*answer.notices, *(("unknown_item_ids",) if unknown else ()))
