"""Next pages: a list goes on where it ended, without repeats, for half an hour.

Any recomm_id of a chain continues the chain: what was shown is kept under the first one. A page is remembered after
its answer is sent, so a very young one is waited for.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import sleep
from typing import Any, Final

import orjson

from feature_store.online.contract import PageStore
from serving.errors import NotFound
from serving.ids import made_at
from serving.lists.after_answer import AfterAnswer
from serving.lists.feedback import served_event
from serving.lists.hydrators import Shopper
from serving.lists.listings import Ask, Listing
from serving.lists.recommend import Recommender
from serving.times import now_ms

__all__ = ["Pager"]

_TTL_S: Final = 1800
_YOUNG_MS: Final = 500
_WAIT_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Chain:
    """A list and everything of it that was shown, over all its pages."""

    root: str
    ask: Ask
    shown: tuple[str, ...]

    def encode(self) -> bytes:
        return orjson.dumps({"ask": self.ask, "shown": self.shown})


class Pager:
    """Makes first pages that can be continued, and their next pages."""

    def __init__(
        self,
        recommender: Recommender,
        store: PageStore,
        after: AfterAnswer,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._recommender = recommender
        self._store = store
        self._after = after
        self._clock = clock

    def first(self, ask: Ask, shopper: Shopper | None = None) -> Listing:
        """A list; unless it is a dry run it can be continued. Raises like `Recommender.recommend`."""
        listing = self._recommender.recommend(ask, shopper)
        if not ask.dry_run:
            self._after.page(listing.recomm_id, _Chain(listing.recomm_id, ask, _ids(listing)).encode())
            self._after.served(partial(served_event, listing))
        return listing

    def next(self, recomm_id: str, num: int | None, admit: Callable[[Ask], None]) -> Listing:
        """The page after `recomm_id`; `admit` may refuse the caller once it is known whose list it is.

        Raises:
            NotFound: the list is unknown, or older than half an hour.
            UnavailableError: the online store is away.
        """
        chain = self._recall(recomm_id)
        admit(chain.ask)
        gone = tuple(dict.fromkeys((*chain.ask.exclude_ids, *chain.shown)))
        ask = replace(chain.ask, exclude_ids=gone, num=num or chain.ask.num, why_not=None)
        listing = self._recommender.recommend(ask)
        # At once, because the same id may be continued again as soon as this is answered.
        grown = replace(chain, shown=(*chain.shown, *_ids(listing)))
        self._store.remember_page(chain.root, grown.encode(), _TTL_S)
        self._after.page(listing.recomm_id, orjson.dumps({"root": chain.root}))
        self._after.served(partial(served_event, listing))
        return listing

    def _recall(self, recomm_id: str) -> _Chain:
        found = self._page(recomm_id)
        root = found.get("root", recomm_id)
        if root != recomm_id:
            found = self._page(root)
        return _Chain(root, _ask(found["ask"]), tuple(found["shown"]))

    def _page(self, recomm_id: str) -> dict[str, Any]:
        made = made_at(recomm_id)
        while made is not None:
            payload = self._store.recall_page(recomm_id)
            if payload is not None:
                found: dict[str, Any] = orjson.loads(payload)
                return found
            if not -_WAIT_S * 1000 <= self._clock() - made <= _YOUNG_MS:
                break
            sleep(_WAIT_S)
        raise NotFound(f"there is no list {recomm_id!r} to continue; a list can be continued for 30 minutes")


def _ids(listing: Listing) -> tuple[str, ...]:
    return tuple(placed.item_id for placed in listing.items)


def _ask(stored: dict[str, Any]) -> Ask:
    fields = stored["fields"]
    return Ask(
        **{
            **stored,
            "item_ids": tuple(stored["item_ids"]),
            "events": tuple((item_id, kind, at) for item_id, kind, at in stored["events"]),
            "boosts": tuple((text, factor) for text, factor in stored["boosts"]),
            "exclude_ids": tuple(stored["exclude_ids"]),
            "fields": None if fields is None else tuple(fields),
        }
    )
