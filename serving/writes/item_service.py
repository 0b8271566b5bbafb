"""Writing and reading single items: whole, in part, or one offer at a time.

Invariants: a change is stored and announced to every serving process in one step; two concurrent changes of an item
are both kept; an item that only the live release knows is changed from what the release knows of it.
"""

from collections.abc import Callable, Mapping, Sequence

from feature_store.online.contract import ItemStore, Written
from recsys.types import Item
from serving.errors import InvalidRequest, NotFound
from serving.schemas.items import ItemPatch, OfferRow
from serving.times import now_ms
from serving.writes.item_changes import changed_offers, patched

__all__ = ["ItemService", "OfferRefused"]

Released = Callable[[str], Item | None]


class OfferRefused(InvalidRequest):
    """An offer of a list that could not be placed; the others are in."""

    code = "offer_refused"


class ItemService:
    """Items of the online store; `released` tells what the live release knows of one (None: nothing)."""

    def __init__(self, store: ItemStore, released: Released, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._released = released
        self._clock = clock

    def get(self, item_id: str) -> Item:
        """The item as of now.

        Raises:
            NotFound: nobody knows it, or it was deleted.
        """
        return self._known(item_id, self._store.get_item(item_id))

    def put(self, items: Sequence[Item]) -> list[Written]:
        """Replace items; one verdict each, in order."""
        return self._store.put_items(items)

    def patch(self, item_id: str, patch: ItemPatch) -> Written:
        """Change one item.

        Raises:
            NotFound: nobody knows it.
            InvalidRequest: offer fields for an item with several offers.
        """
        now = self._clock()
        return self._store.update_items(
            [item_id], lambda _, stored: patched(self._known(item_id, stored), patch, now)
        )[0]

    def delete(self, item_id: str) -> None:
        """Take an item out of every list; `put` brings it back.

        Raises:
            NotFound: nobody knows it.
        """
        now = self._clock()
        verdict = self._store.delete_item(item_id, now)
        if verdict is Written.SKIPPED:
            # Only the release has it: stored first, so that there is something to mark as deleted.
            self._store.put_items([self._known(item_id, None)])
            verdict = self._store.delete_item(item_id, now)
        stored = self._store.get_item(item_id) if verdict is Written.STALE else None
        if stored is not None:
            # Another process's clock is ahead of ours; a deletion that was asked for now is the newest word.
            self._store.delete_item(item_id, (stored.updated_at or now) + 1)

    def change_offers(self, rows: Sequence[OfferRow]) -> list[Written | OfferRefused]:
        """Change single offers; one verdict each, in order. Several rows of one item are one change of it."""
        now = self._clock()
        by_item: dict[str, list[OfferRow]] = {}
        for row in rows:
            by_item.setdefault(row.item_id, []).append(row)
        refused: dict[str, OfferRefused] = {}

        def change(item_id: str, stored: Item | None) -> Item | None:
            try:
                return changed_offers(self._known(item_id, stored), by_item[item_id], now)
            except (NotFound, InvalidRequest) as error:
                refused[item_id] = OfferRefused(str(error), getattr(error, "errors", ()))
                return None

        written = dict(zip(by_item, self._store.update_items(list(by_item), change), strict=True))
        return [self._verdict(row.item_id, written, refused) for row in rows]

    @staticmethod
    def _verdict(
        item_id: str, written: Mapping[str, Written], refused: Mapping[str, OfferRefused]
    ) -> Written | OfferRefused:
        return refused.get(item_id) or written[item_id]

    def _known(self, item_id: str, stored: Item | None) -> Item:
        item = stored or self._released(item_id)
        if item is None:
            raise NotFound(f"there is no item {item_id!r}; put it first: PUT /v1/items/{item_id}")
        return item
