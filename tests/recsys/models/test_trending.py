"""Trends count distinct shoppers, fade, forget returns, and know categories."""

from pathlib import Path

import numpy as np

from recsys.catalogue import Catalogue
from recsys.interactions import Interactions
from recsys.models.trending import Trending, TrendingConfig
from recsys.types import EVENT_CODES, EventType, Item
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS, Behaviour

ITEMS = [
    Item(item_id="a", category="家居 > 厨房", created_at=1),
    Item(item_id="b", category="家居 > 厨房", created_at=2),
    Item(item_id="c", category="家居", created_at=3),
    Item(item_id="d", category="Toys", created_at=4),
]


def fit(*events: tuple[int, int, EventType, float], half_life: float = 10) -> Trending:
    """Events are (user, item, type, day)."""
    user, item, kind, day = zip(*events, strict=True)
    log = Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(9)]),
        items=Vocabulary([row.item_id for row in ITEMS]),
        columns=(
            np.array(user, np.int32),
            np.array(item, np.int32),
            np.array([EVENT_CODES[name] for name in kind], np.int8),
            (np.array(day) * DAY_MS).astype(np.int64),
            np.arange(len(user), dtype=np.int32),
            np.ones(len(user), np.float32),
        ),
    )
    return Trending.fit(log, Catalogue.build(ITEMS), Behaviour(), TrendingConfig(half_life_days=half_life))


VIEW, BUY, RETURN = EventType.VIEW, EventType.PURCHASE, EventType.RETURN


def test_many_views_of_one_shopper_count_once() -> None:
    busy = [(0, 0, VIEW, 1)] * 30
    trending = fit(*busy, (1, 1, VIEW, 1), (2, 1, VIEW, 1))
    np.testing.assert_allclose(trending.scores, [0.5, 1, 0, 0])


def test_a_week_old_trend_loses_to_the_same_trend_today() -> None:
    trending = fit((0, 0, VIEW, 0), (1, 1, VIEW, 10))
    np.testing.assert_allclose(trending.scores[:2], [0.5, 1.0])


def test_what_was_returned_is_not_wanted() -> None:
    trending = fit((0, 0, BUY, 1), (0, 0, RETURN, 2), (1, 1, VIEW, 2))
    assert trending.scores[0] == 0


def test_every_item_has_a_place_untouched_ones_newest_first() -> None:
    assert fit((0, 1, VIEW, 1)).order.tolist() == [1, 3, 2, 0]


def test_a_category_lists_its_own_items_and_those_below(tmp_path: Path) -> None:
    fit((0, 1, VIEW, 1), (1, 2, BUY, 1)).save(tmp_path)
    trending, tree = Trending.load(tmp_path), Catalogue.build(ITEMS).categories
    assert trending.head(tree.code("家居")).tolist() == [2, 1, 0]
    assert trending.head(tree.code("家居 > 厨房")).tolist() == [1, 0]
    assert trending.head(-1).tolist() == []
