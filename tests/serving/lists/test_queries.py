import pytest

from recsys.errors import ExpressionError
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from serving.lists.hydrators import Shopper
from serving.lists.listings import Ask
from serving.lists.queries import make_query

WORDS = Vocabulary(["a", "b", "c", "d"])
VIEW = EVENT_CODES[EventType.VIEW]


def query(ask: Ask, shopper: Shopper | None = None, limit: int = 10):  # type: ignore[no-untyped-def]
    return make_query(ask, shopper or Shopper(), WORDS, 1_000, limit)


def test_stored_and_given_events_are_one_history_in_the_order_of_time() -> None:
    shopper = Shopper(history=[("a", VIEW, 10), ("c", VIEW, 30)])
    made = query(Ask(events=(("b", VIEW, 20), ("unknown", VIEW, 25))), shopper)
    assert WORDS.decode(made.history.items) == ["a", "b", "c"]
    assert made.history.times.tolist() == [10, 20, 30]


def test_the_newest_events_are_kept_and_later_ones_happened_now() -> None:
    made = query(Ask(events=(("a", VIEW, 1), ("b", VIEW, 2), ("c", VIEW, 9_999))), limit=2)
    assert WORDS.decode(made.history.items) == ["b", "c"]
    assert made.history.times.tolist() == [2, 1_000]


def test_without_personalization_there_is_no_history() -> None:
    shopper = Shopper(history=[("a", VIEW, 1)], personalization="none")
    assert len(query(Ask(events=(("b", VIEW, 2),)), shopper).history) == 0


def test_ids_become_codes_once_and_unknown_ones_fall_away() -> None:
    made = query(Ask(item_ids=("c", "x", "a", "c"), exclude_ids=("d", "y")))
    assert made.related.tolist() == [2, 0]
    assert made.exclude.tolist() == [3]
    assert query(Ask()).related is None
    assert query(Ask(item_ids=("x",))).related.tolist() == []


def test_a_place_the_library_has_no_rule_for_is_as_good_as_any() -> None:
    asked = ("home", "buy-again", "continue", "any", "cart", "scenario:tea", "Home")
    assert [query(Ask(slot=slot)).slot for slot in asked] == ["home", "buy-again", "continue", *["any"] * 4]
    assert query(Ask()).slot == "home"


def test_filters_and_boosts_become_trees() -> None:
    made = query(Ask(filter="price < 5", boosts=(("true", 2.0),)))
    assert str(made.filter) == "price < 5"
    assert [(str(tree), factor) for tree, factor in made.boosts] == [("true", 2.0)]
    with pytest.raises(ExpressionError):
        query(Ask(filter="price <"))


def test_an_unknown_item_is_not_asked_about() -> None:
    assert query(Ask(why_not="b")).why_not == 1
    assert query(Ask(why_not="x")).why_not is None
