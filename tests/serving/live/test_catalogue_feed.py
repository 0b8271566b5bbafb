import threading
import time
from collections.abc import Iterator

import pytest

from feature_store.online.contract import ItemChange
from feature_store.online.memory import MemoryOnlineStore
from recsys.catalogue import Catalogue
from recsys.errors import UnavailableError
from recsys.types import Item, Offer
from serving.live.catalogue_feed import CatalogueFeed


def item(name: str, price: float, updated_at: int | None = None) -> Item:
    return Item(
        item_id=name,
        titles={"zh": f"商品{name}"},
        offers=(Offer(sku=name, price=price),),
        updated_at=updated_at,
    )


def catalogue() -> Catalogue:
    return Catalogue.build([item("a", 1.0), item("b", 2.0)])


def prices(of: Catalogue) -> list[float]:
    return of.price.tolist()


def test_an_adopted_catalogue_knows_what_was_written_before() -> None:
    store, found = MemoryOnlineStore(), catalogue()
    store.put_items([item("a", 5.0, 10), item("new", 9.0, 10)])
    store.put_items([item("b", 7.0, 10)])
    store.delete_item("b", 20)
    CatalogueFeed(store).adopt(found, changed_after=0)
    assert prices(found)[0] == 5.0
    assert found.item(1) is None
    assert found.eligible(0).tolist() == [True, False, True]
    assert found.vocabulary.code("new") == 2


def test_of_newborns_without_room_the_oldest_wait() -> None:
    store = MemoryOnlineStore()
    store.put_items([item(f"n{at}", 1.0, at) for at in (30, 10, 20)])
    found = catalogue()
    found.room = 2
    CatalogueFeed(store).adopt(found, changed_after=0)
    assert [found.vocabulary.code(name) >= 0 for name in ("n30", "n20", "n10")] == [True, True, False]
    assert found.turned_away == 1


def test_of_changes_read_together_the_last_one_counts() -> None:
    store, found = MemoryOnlineStore(), catalogue()
    feed = CatalogueFeed(store)
    feed.adopt(found, changed_after=0)
    store.put_items([item("a", 5.0, 10), item("new", 3.0, 10)])
    store.put_items([item("a", 6.0, 11)])
    store.delete_item("new", 12)
    store.delete_item("b", 12)
    store.put_items([item("b", 9.0, 13)])
    assert feed.step(block_ms=0) == 5
    assert (prices(found), found.version) == ([6.0, 9.0], 2)


def test_each_step_brings_what_changed_since() -> None:
    store, found = MemoryOnlineStore(), catalogue()
    feed = CatalogueFeed(store)
    feed.adopt(found, changed_after=0)
    store.put_items([item("a", 5.0, 10)])
    assert feed.step(block_ms=0) == 1
    store.put_items([item("a", 6.0, 11), item("b", 8.0, 11)])
    assert feed.step(block_ms=0) == 2
    assert feed.step(block_ms=0) == 0
    assert prices(found) == [6.0, 8.0]


def test_both_releases_in_memory_stay_current_and_older_ones_are_let_go() -> None:
    store, found = MemoryOnlineStore(), [catalogue() for _ in range(3)]
    feed = CatalogueFeed(store)
    for each in found:
        feed.adopt(each, changed_after=0)
    feed.adopt(found[2], changed_after=0)
    store.put_items([item("a", 5.0, 10)])
    feed.step(block_ms=0)
    assert [prices(each)[0] for each in found] == [1.0, 5.0, 5.0]


def test_what_the_release_knows_already_is_not_laid_over_it() -> None:
    store, found = MemoryOnlineStore(), catalogue()
    store.load_items([item("a", 1.0), item("b", 2.0)])
    CatalogueFeed(store).adopt(found, changed_after=-1)
    assert found.version == 0


class Flaky(MemoryOnlineStore):
    away = True

    def catalogue_snapshot(self, changed_after: int | None = None) -> tuple[str, Iterator[ItemChange]]:
        if self.away:
            raise UnavailableError("away")
        return super().catalogue_snapshot(changed_after)


def test_a_catalogue_adopted_while_the_store_was_away_catches_up_later() -> None:
    store, found = Flaky(), catalogue()
    store.put_items([item("a", 5.0, 10)])
    feed = CatalogueFeed(store)
    feed.adopt(found, changed_after=0)
    assert not feed.caught_up
    with pytest.raises(UnavailableError):
        feed.step(block_ms=0)
    assert prices(found)[0] == 1.0
    store.away = False
    feed.step(block_ms=0)
    assert feed.caught_up
    assert prices(found)[0] == 5.0


class Forgetful(MemoryOnlineStore):
    """Says once that the place is lost, as after a long absence."""

    lost = False

    def catalogue_since(
        self, cursor: str, block_ms: int = 0, count: int = 1000
    ) -> tuple[str, list[ItemChange]] | None:
        if self.lost:
            self.lost = False
            return None
        return super().catalogue_since(cursor, block_ms, count)


def test_a_reader_that_lost_its_place_reads_everything_again() -> None:
    store, found = Forgetful(), catalogue()
    feed = CatalogueFeed(store)
    feed.adopt(found, changed_after=0)
    store.put_items([item("a", 5.0, 10)])
    store.lost = True
    feed.step(block_ms=0)
    assert prices(found)[0] == 5.0
    store.put_items([item("a", 6.0, 11)])
    feed.step(block_ms=0)
    assert prices(found)[0] == 6.0


def test_an_item_nobody_can_hold_is_passed_over() -> None:
    store, found = MemoryOnlineStore(), catalogue()
    feed = CatalogueFeed(store)
    feed.adopt(found, changed_after=0)
    store.put_items([Item(item_id="a", kind="spaceship", updated_at=1), item("b", 9.0, 1)])
    feed.step(block_ms=0)
    assert prices(found) == [1.0, 9.0]


def test_the_thread_follows_until_it_is_told_to_stop() -> None:
    store, found = MemoryOnlineStore(), catalogue()
    feed, stop = CatalogueFeed(store), threading.Event()
    feed.adopt(found, changed_after=0)
    thread = threading.Thread(target=feed.run, args=(stop,))
    thread.start()
    store.put_items([item("a", 5.0, 10)])
    deadline = time.monotonic() + 10
    while prices(found)[0] != 5.0 and time.monotonic() < deadline:
        time.sleep(0.005)
    stop.set()
    thread.join(10)
    assert prices(found)[0] == 5.0
    assert not thread.is_alive()
