from math import inf

from feature_store.online.memory import MemoryOnlineStore
from recsys.types import Item
from serving.lists.followed import FollowedItems


def test_the_lag_counts_from_when_everything_was_read() -> None:
    store, now = MemoryOnlineStore(), [100.0]
    followed = FollowedItems(store, lambda: now[0])
    assert followed.lag_s == inf
    cursor, _ = followed.as_store().catalogue_snapshot()
    assert followed.lag_s == inf
    store.put_items([Item(item_id=name) for name in "abc"])
    found = followed.catalogue_since(cursor, count=2)
    assert found is not None
    assert followed.lag_s == inf  # one is left behind
    found = followed.catalogue_since(found[0], count=2)
    assert found is not None
    assert [change.item_id for change in found[1] if isinstance(change, Item)] == ["c"]
    assert followed.lag_s == 0
    now[0] += 7
    assert followed.lag_s == 7
