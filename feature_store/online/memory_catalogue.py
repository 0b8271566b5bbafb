"""The catalogue in memory: what RedisCatalogue must do."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from feature_store.online.contract import ITEM_CHANGES_KEPT_MS, Deleted, ItemChange, Written
from feature_store.online.memory_stream import Clock, MemoryPart, MemoryStream
from feature_store.online.stream_ids import id_of, order_of
from recsys.types import Item

__all__ = ["MemoryCatalogue"]


class MemoryCatalogue(MemoryPart):
    """ItemStore in memory. The cursor is a stream id; this store cannot lose its data."""

    def __init__(self, clock: Clock, history_length: int) -> None:
        super().__init__(clock, history_length)
        self._items: dict[str, ItemChange] = {}
        self._item_changes: MemoryStream[ItemChange] = MemoryStream(clock)
        self._item_changes_written = "0"

    def put_items(self, items: Sequence[Item]) -> list[Written]:
        """See ItemStore."""
        with self._changed:
            written = [self._store_item(item.item_id, item) for item in items]
            self._changed.notify_all()
        return written

    def _store_item(self, item_id: str, change: ItemChange, announce: bool = True) -> Written:
        held = self._items.get(item_id)
        if held == change:
            return Written.UNCHANGED
        if held is not None and _stamp(held) > _stamp(change):
            return Written.STALE
        self._items[item_id] = change
        if announce:
            self._item_changes.append(change)
        return Written.WRITTEN

    def update_items(
        self, item_ids: Sequence[str], change: Callable[[str, Item | None], Item | None]
    ) -> list[Written]:
        """See ItemStore."""
        with self._changed:
            verdicts = {item_id: self._update(item_id, change) for item_id in dict.fromkeys(item_ids)}
            self._changed.notify_all()
        return [verdicts[item_id] for item_id in item_ids]

    def _update(self, item_id: str, change: Callable[[str, Item | None], Item | None]) -> Written:
        changed = change(item_id, self.get_item(item_id))
        return Written.SKIPPED if changed is None else self._store_item(item_id, changed)

    def load_items(self, items: Iterable[Item]) -> int:
        """See ItemStore."""
        loaded = 0
        for item in items:
            with self._changed:
                self._store_item(item.item_id, item, announce=False)
            loaded += 1
        return loaded

    def get_item(self, item_id: str) -> Item | None:
        """See ItemStore."""
        held = self._items.get(item_id)
        return held if isinstance(held, Item) else None

    def get_items(self, item_ids: Sequence[str]) -> list[Item | None]:
        """See ItemStore."""
        return [self.get_item(item_id) for item_id in item_ids]

    def delete_item(self, item_id: str, at: int) -> Written:
        """See ItemStore."""
        with self._changed:
            if self.get_item(item_id) is None:
                return Written.SKIPPED
            written = self._store_item(item_id, Deleted(item_id, at))
            self._changed.notify_all()
            return written

    def catalogue_snapshot(self, changed_after: int | None = None) -> tuple[str, Iterator[ItemChange]]:
        """See ItemStore."""
        with self._changed:
            held = [
                change
                for change in self._items.values()
                if changed_after is None or _stamp(change) > changed_after
            ]
            return id_of(self._item_changes.last), iter(held)

    def catalogue_since(
        self, cursor: str, block_ms: int = 0, count: int = 1000
    ) -> tuple[str, list[ItemChange]] | None:
        """See ItemStore."""
        with self._changed:
            if order_of(cursor) < self._item_changes.trimmed:
                return None
            self._wait_for(lambda: bool(self._item_changes.after(cursor, 1)), block_ms)
            found = self._item_changes.after(cursor, count)
        return (found[-1][0] if found else cursor), [change for _, change in found]

    def read_item_changes(self, after: str, count: int) -> list[tuple[str, ItemChange]]:
        """See ItemStore."""
        return self._item_changes.after(after, count)

    def item_changes_written(self) -> str:
        """See ItemStore."""
        return self._item_changes_written

    def commit_item_changes(self, upto: str, now: int) -> None:
        """See ItemStore."""
        with self._changed:
            self._item_changes_written = upto
            self._item_changes.trim(min(order_of(upto), (now - ITEM_CHANGES_KEPT_MS, 0)))


def _stamp(change: ItemChange) -> int:
    return change.at if isinstance(change, Deleted) else change.updated_at or 0
