"""The composition root of a serving process: what it is made of, in the order in which it depends on each other.

Invariants: nothing connects at import; the process starts with Redis or the database away and goes on with what it
has; `close` writes what is queued and stops every thread.
"""

import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import nan
from typing import Final

import structlog

from feature_store.identity import Identities
from recsys.config_files import config_path
from recsys.errors import UnavailableError
from recsys.types import Item
from recsys.vocabulary import UNKNOWN
from serving.control.authentication import Authenticator
from serving.control.keys import KeyRepository
from serving.control.scenarios import ScenarioRepository
from serving.control.secret_file import shopper_secret
from serving.lists.after_answer import AfterAnswer
from serving.lists.breaker import Breaker
from serving.lists.feedback import EventIntake
from serving.lists.followed import FollowedItems
from serving.lists.hydrators import ShopperHydrator
from serving.lists.pages import Pager
from serving.lists.prepared import PreparedLists
from serving.lists.recommend import Limits, Recommender
from serving.lists.scenario_page import ScenarioPages
from serving.lists.turns import QueueLimits, Turns
from serving.live.catalogue_feed import CatalogueFeed
from serving.live.first_events import FirstEvents
from serving.live.release_board import ReleaseBoard
from serving.live.releases import LoadedRelease, ReleaseFolders, Releases
from serving.live.warm_up import warm_up
from serving.observability import Metrics
from serving.settings import Settings, refuse_open_browser_keys
from serving.stores import Stores
from serving.times import now_ms
from serving.wire.rate_limit import TokenBuckets
from serving.writes.item_service import ItemService
from serving.writes.user_service import UserService

__all__ = ["Resources", "compose"]

BROWSER_CALLS_PER_S: Final = 20.0
BROWSER_BURST: Final = 100
_PATIENCE_S: Final = 3.0
_SWITCH_S: Final = 0.0005
_YOUNG_OBJECTS: Final = 20_000
_FIRST_LOOK_S: Final = 10.0
_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Everything routes use. `prepare` first, `start` before the first request, `close` after the last."""

    settings: Settings
    stores: Stores
    metrics: Metrics
    authenticator: Authenticator
    limiter: TokenBuckets
    releases: Releases
    feed: CatalogueFeed
    first_events: FirstEvents
    recommender: Recommender
    turns: Turns
    prepared: PreparedLists
    breaker: Breaker
    pager: Pager
    scenarios: ScenarioPages
    intake: EventIntake
    items: ItemService
    users: UserService
    board: ReleaseBoard
    after: AfterAnswer
    prepare: Callable[[], None]
    """Seeds the halls, takes a first look at halls and keys (so that they outlive the database), and refuses with
    ConfigError what must not be served."""
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to follow the live release and the catalogue, and to write notes.

        A release that loads quickly is ready when this returns; the process is live before a slow one is.
        """
        _calm_collector()
        # What runs beside the event loop has to let go of the interpreter sooner than after the usual 5 ms.
        sys.setswitchinterval(_SWITCH_S)
        self.after.start()
        for name, run in (
            ("follow-release", self.releases.run),
            ("follow-catalogue", self.feed.run),
            ("first-events", self.first_events.run),
            ("read-gauges", self.metrics.run),
        ):
            self.threads.append(threading.Thread(target=run, args=(self.stopping,), name=name, daemon=True))
            self.threads[-1].start()
        if self.releases.wait_for_first_look(_FIRST_LOOK_S):
            gc.collect()
            gc.freeze()  # what a release is made of lives as long as it is served; nobody need walk it again

    def close(self) -> None:
        """Write what is queued, stop the threads, give the connections back."""
        self.stopping.set()
        self.breaker.close()
        self.after.close()
        for thread in self.threads:
            thread.join(_PATIENCE_S)
        self.stores.close()


def _calm_collector() -> None:
    """Look for garbage in circles less often: an answer makes hundreds of objects and not one circle."""
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def compose(
    settings: Settings,
    stores: Stores,
    clock: Callable[[], int] = now_ms,
    metrics: Metrics | None = None,
) -> Resources:
    """Put a process together over its stores; nothing runs yet. `metrics` counts with other workers, else alone."""
    online, metrics = stores.online, metrics or Metrics()
    keys, halls = KeyRepository(stores.database, clock), ScenarioRepository(stores.database, clock)
    followed = FollowedItems(online)
    feed = CatalogueFeed(followed.as_store())
    folders = _folders(settings)
    releases = Releases(online, stores.blobs, folders, _readying(feed, metrics, clock), clock)
    limits = Limits(
        history_length=settings.history_length,
        deadline_ms=settings.deadline_ms,
        feature_log_per_s=settings.feature_log_per_s,
    )
    breaker = Breaker()
    recommender = Recommender(
        releases,
        ShopperHydrator(online, breaker, stores.reads),
        metrics,
        limits,
        clock,
        lambda: followed.lag_s,
    )
    metrics.lag("catalogue_lag", "Since prices and stock were known completely.", lambda: followed.lag_s)
    metrics.lag("release_age", "Age of the release being served.", lambda: _age_s(releases, clock()))
    after, first_events = AfterAnswer(stores.notes), FirstEvents(online, releases)
    for name, what, count in (
        ("newborn_items", "Items that joined the live release since it was made.", "born"),
        ("moved_items", "Items of the live release whose words changed since.", "moved"),
        ("turned_away_items", "Changes of newborns that found no room in the live release.", "turned_away"),
    ):
        metrics.gauge(name, what, partial(_count_live, releases, count))
    metrics.gauge("notes_dropped", "`served` events and pages that were lost so far.", lambda: after.dropped)
    return Resources(
        settings=settings,
        stores=stores,
        metrics=metrics,
        authenticator=Authenticator(keys, shopper_secret(settings), clock),
        limiter=TokenBuckets(BROWSER_CALLS_PER_S, BROWSER_BURST),
        releases=releases,
        feed=feed,
        first_events=first_events,
        recommender=recommender,
        turns=_turns(settings, metrics),
        prepared=PreparedLists(releases, recommender, clock),
        breaker=breaker,
        pager=Pager(recommender, online, after, clock),
        scenarios=ScenarioPages(recommender, halls, after),
        intake=EventIntake(first_events, metrics, clock),
        items=ItemService(online, lambda item_id: _released(releases, item_id), clock),
        users=UserService(online, Identities(stores.database, online), clock),
        board=ReleaseBoard(online, stores.blobs, folders, releases),
        after=after,
        prepare=lambda: _prepare(settings, keys, halls),
    )


def _age_s(releases: Releases, at: int) -> float:
    loaded = releases.loaded
    return (at - loaded[0].manifest.created_at) / 1000 if loaded else nan


def _count_live(releases: Releases, name: str) -> float:
    loaded = releases.loaded
    return float(getattr(loaded[0].pipeline.live, name)) if loaded else nan


def _turns(settings: Settings, metrics: Metrics) -> Turns:
    queue = QueueLimits(
        length=settings.queue_length, wait_ms=settings.queue_wait_ms, surplus=settings.surplus_lists
    )
    turns = Turns(metrics, queue)
    metrics.gauge("queue_length", "Lists that wait for their turn.", lambda: turns.waiting)
    return turns


def _prepare(settings: Settings, keys: KeyRepository, halls: ScenarioRepository) -> None:
    try:
        halls.seed(config_path("scenarios.toml"))
        halls.every()
        refuse_open_browser_keys(settings, keys.any_browser_key())
    except UnavailableError as error:
        _log.warning("definitions_not_read", reason=str(error))


def _readying(
    feed: CatalogueFeed, metrics: Metrics, clock: Callable[[], int]
) -> Callable[[LoadedRelease], None]:
    """What happens to a release before it goes live."""

    def make_ready(release: LoadedRelease) -> None:
        # Warm first: a release that is refused must not take a place in the feed.
        warm_up(release.pipeline, clock())
        feed.adopt(release.pipeline.live, changed_after=0)
        metrics.release(release.release_id)

    return make_ready


def _folders(settings: Settings) -> ReleaseFolders:
    return ReleaseFolders(home=settings.releases_folder, cache=settings.home / "serving-cache")


def _released(releases: Releases, item_id: str) -> Item | None:
    """What the live release knows of an item; nothing before there is one."""
    loaded = releases.loaded
    if not loaded:
        return None
    pipeline = loaded[0].pipeline
    code = pipeline.vocabulary.code(item_id)
    return None if code == UNKNOWN else pipeline.catalogue.item(code)
