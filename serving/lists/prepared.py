"""The list for whoever comes when there is too much to do: what is trending now, prepared once a second.

It reads no shopper and no Redis, and leaves no trace: nothing continues it and no `served` event tells of it. It may
stand in for a list wherever being less personal is all that is lost. Where a caller excluded items they are left out;
where he asked for a filter, a shelf of his own items or an explanation there is no such list.
Invariants: what it shows may be shown at this very moment; its prices are at most a second old.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.query import Query
from serving.ids import uuid7
from serving.lists.faces import ViewKey, key_of
from serving.lists.listings import Ask, Listing, Placed
from serving.lists.presenter import place, view_of
from serving.lists.recommend import Recommender
from serving.live.releases import LoadedRelease, Releases
from serving.times import now_ms

__all__ = ["PreparedLists"]

_LENGTH: Final = 200
_KEPT_MS: Final = 1000
_VIEWS: Final = 64
_SHELVES: Final = frozenset({"buy-again", "continue"})


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The trending items of a release at a moment, as callers see them who ask alike."""

    release: LoadedRelease
    at: int
    views: dict[ViewKey, "_View"]


@dataclass(frozen=True, slots=True)
class _View:
    """The items as some callers see them, and their codes int32[n] beside."""

    items: tuple[Placed, ...]
    codes: npt.NDArray[np.int32]


class PreparedLists:
    """Answers without work. Safe to share between threads: at worst one list is prepared twice."""

    def __init__(
        self, releases: Releases, recommender: Recommender, clock: Callable[[], int] = now_ms
    ) -> None:
        self._releases = releases
        self._recommender = recommender
        self._clock = clock
        self._held: _Prepared | None = None

    def listing(self, ask: Ask) -> Listing | None:
        """The trending list as `ask` would see it; None where it cannot stand in for what was asked.

        Raises:
            NotReady: no release is loaded.
        """
        private = ask.explain or ask.why_not is not None
        if private or ask.filter is not None or ask.slot in _SHELVES or ask.max_staleness_s is not None:
            return None
        at = self._clock()
        prepared = self._current(at)
        view = self._view(prepared, ask)
        items, gone = view.items, {*ask.exclude_ids, *ask.item_ids}
        listed = prepared.release.pipeline.catalogue.still_listed(view.codes)
        if not listed.all():
            gone |= {placed.item_id for placed, shown in zip(items, listed, strict=True) if not shown}
        kept = [placed for placed in items if placed.item_id not in gone] if gone else items
        shown = tuple(kept[: ask.num])
        return Listing(
            recomm_id=uuid7(at),
            ask=ask,
            at=at,
            release=prepared.release,
            items=tuple(placed._replace(position=n) for n, placed in enumerate(shown, 1)) if gone else shown,
            fallback_used="trending",
            degraded=("overload",),
            notices=() if len(shown) == ask.num else ("short_list",),
        )

    def _current(self, at: int) -> _Prepared:
        held, release = self._held, self._releases.current()
        if held is None or held.release is not release or not 0 <= at - held.at < _KEPT_MS:
            held = self._held = _Prepared(release, at, {})
        return held

    def _view(self, prepared: _Prepared, ask: Ask) -> _View:
        view = view_of(ask, prepared.at)
        key = key_of(view)
        found = prepared.views.get(key)
        if found is None:
            query = Query(as_of=prepared.at, num=_LENGTH, sources=("trending",), personalization="none")
            answer = prepared.release.pipeline.recommend(query)
            found = _View(place(answer, self._recommender.faces(prepared.release), view), answer.items)
            if len(prepared.views) < _VIEWS:
                prepared.views[key] = found
        return found
