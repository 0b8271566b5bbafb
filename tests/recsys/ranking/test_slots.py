"""Each slot shows what it is for: home new things, the shelves only the shopper's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from recsys.history import History
from recsys.item_set import ItemSet
from recsys.models.repeats import Repeats
from recsys.query import SLOTS, Query, Slot
from recsys.ranking.order import Ranking
from recsys.ranking.slots import SHELF_REASONS, SlotRule, SlotsConfig, slot_of, slot_rule
from recsys.retrieval.gates import Gates
from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS

VIEW, CLICK, WISH, CART, UNCART = (EventType(n) for n in ("view", "click", "favorite", "cart", "uncart"))
BUY, RETURN, CANCEL, ORDER = (EventType(n) for n in ("purchase", "return", "cancel", "order"))
SIZE = 60
MILK, SOFA, TEA = 0, 1, 2
"""Bought again after 10 days, hardly ever, after 20 days; all other items are as milk."""
REPEATS = Repeats(np.full(SIZE, 0.5, np.float32), np.full(SIZE, 10, np.float32))
REPEATS.rate[SOFA], REPEATS.cycle_days[SOFA] = 0.01, 0
REPEATS.cycle_days[TEA] = 20
Row = tuple[int, EventType, float]


def history(rows: Sequence[Row]) -> History:
    """Events are (item, type, day), given in any order."""
    ordered = sorted(rows, key=lambda row: row[2])
    items, kinds, days = zip(*ordered, strict=True) if ordered else ((), (), ())
    return History(
        np.array(items, np.int32),
        np.array([EVENT_CODES[kind] for kind in kinds], np.int8),
        (np.array(days, np.float64) * DAY_MS).astype(np.int64),
    )


def rule(slot: Slot, *rows: Row, query: dict[str, Any] | None = None, **config: float) -> SlotRule:
    asked = Query(as_of=0, slot=slot, history=history(rows), **(query or {}))
    return slot_rule(asked, REPEATS, SlotsConfig(**config))


def ranked(items: Sequence[int], scores: Sequence[float] | None = None) -> Ranking:
    values = np.array(scores if scores is not None else np.linspace(1, 0.1, len(items)), np.float32)
    return Ranking(np.array(items, np.int32), values)


def gates_of(found: SlotRule) -> dict[str, np.ndarray]:
    """What may pass each gate of a slot where everything is eligible."""
    gates = Gates(ItemSet(np.ones(SIZE, bool)))
    found.close(gates)
    return {name: gates[name] for name in gates if name != "ineligible"}


def closed_out(found: SlotRule) -> dict[str, list[int]]:
    return {name: np.flatnonzero(~gate).tolist() for name, gate in gates_of(found).items()}


def on_shelf(found: SlotRule) -> list[int]:
    allowed = np.logical_and.reduce(list(gates_of(found).values()))
    return found.order(ranked(np.flatnonzero(allowed).tolist(), [0.5] * int(allowed.sum())), 20)[
        0
    ].codes.tolist()


# home


@pytest.mark.parametrize(("num", "most"), [(20, 4), (10, 2), (12, 2), (5, 1), (4, 0), (1, 0), (200, 40)])
def test_home_shows_a_fifth_of_seen_items_at_most(num: int, most: int) -> None:
    home = rule("home", *[(item, VIEW, item) for item in range(3, 53)])
    ranking, held_back = home.order(ranked(range(SIZE)), num)
    # Items 0, 1, 2 and 53 to 59 are unseen.
    assert ranking.codes.tolist() == [0, 1, 2, *range(3, 3 + most), *range(53, 60), *range(3 + most, 53)]
    assert held_back == 50 - most


def test_the_number_of_seen_items_is_a_setting() -> None:
    views = [(item, VIEW, 1.0) for item in range(10)]
    for most in (0, 1, 20):
        ranking, _ = rule("home", *views, most_seen=most).order(ranked(range(30)), 20)
        assert (ranking.codes[:20] < 10).sum() == min(most, 10)


def test_the_best_seen_items_stay_where_their_score_puts_them() -> None:
    ranking, held_back = rule("home", *[(9, VIEW, 1), (8, CART, 2)]).order(ranked([9, 5, 8, 6, 7]), 5)
    assert (ranking.codes.tolist(), held_back) == ([9, 5, 6, 7, 8], 1)


def test_a_negative_event_alone_is_not_having_seen() -> None:
    assert rule("home", (3, UNCART, 1), (4, ORDER, 1), (5, VIEW, 2)).seen().tolist() == [5]


def test_home_hides_what_was_just_bought_and_is_bought_once() -> None:
    home = rule("home", (SOFA, BUY, 10), (MILK, BUY, 10), (5, VIEW, 40))
    assert closed_out(home) == {"bought_recently": [SOFA]}


@pytest.mark.parametrize(
    "rows",
    [
        [(SOFA, BUY, 0), (5, VIEW, 95)],
        [(SOFA, BUY, 10), (SOFA, RETURN, 12)],
        [(SOFA, BUY, 10), (SOFA, CANCEL, 12)],
        [(SOFA, VIEW, 10), (SOFA, CART, 11)],
        [(SOFA, BUY, 10), (SOFA, BUY, 40)],
        [],
    ],
    ids=["long ago", "returned", "cancelled", "only looked at", "this shopper buys it again", "nothing"],
)
def test_home_hides_no_other_item(rows: list[Row]) -> None:
    assert closed_out(rule("home", *rows)) == {}


def test_days_and_rate_of_hiding_are_settings() -> None:
    rows = [(SOFA, BUY, 10), (MILK, BUY, 10), (5, VIEW, 40)]
    assert closed_out(rule("home", *rows, recent_days=29)) == {}
    assert closed_out(rule("home", *rows, consumable_rate=0.6))["bought_recently"] == [MILK, SOFA]
    assert closed_out(rule("home", *rows, consumable_rate=0.0)) == {}


# buy-again


def test_buy_again_offers_what_was_bought_and_is_bought_again() -> None:
    shelf = rule("buy-again", (MILK, BUY, 1), (SOFA, BUY, 2), (TEA, BUY, 3), (TEA, RETURN, 4), (7, VIEW, 5))
    strangers = [item for item in range(SIZE) if item not in (MILK, SOFA)]
    assert closed_out(shelf) == {"never_bought": strangers, "bought_once_only": [SOFA]}
    assert on_shelf(shelf) == [MILK]
    assert shelf.closed


def test_what_this_shopper_bought_twice_is_bought_again() -> None:
    assert on_shelf(rule("buy-again", (SOFA, BUY, 1), (SOFA, BUY, 2))) == [SOFA]
    assert on_shelf(rule("buy-again", (SOFA, BUY, 1.1), (SOFA, BUY, 1.2))) == []


def test_of_equal_scores_the_due_item_comes_first_then_the_fresh_then_the_long_forgotten() -> None:
    shelf = rule("buy-again", (MILK, BUY, 49), (TEA, BUY, 28), (7, BUY, 1), (8, VIEW, 50))
    assert on_shelf(shelf) == [TEA, MILK, 7]


def test_the_shoppers_own_cycle_counts_beside_the_typical_one() -> None:
    # Tea every 40 days and milk every 3: after 30 days tea is not overdue, milk is.
    tea = [(TEA, BUY, day) for day in (0.0, 40.0, 80.0)]
    milk = [(MILK, BUY, day) for day in (70.0, 73.0, 76.0, 80.0)]
    assert on_shelf(rule("buy-again", *tea, *milk, (9, VIEW, 110))) == [TEA, MILK]


def test_a_much_better_score_outweighs_being_due() -> None:
    shelf = rule("buy-again", (MILK, BUY, 49), (TEA, BUY, 28), (8, VIEW, 50))
    ordered, _ = shelf.order(ranked([MILK, TEA], [9.0, 1.0]), 20)
    assert ordered.codes.tolist() == [MILK, TEA]
    assert ordered.scores[0] > ordered.scores[1]


def test_the_scale_of_scores_does_not_matter() -> None:
    bought = [(item, BUY, float(item)) for item in range(10, 40)]
    shelf = rule("buy-again", *bought)
    scores = np.random.default_rng(3).normal(size=30)
    plain = shelf.order(ranked(range(10, 40), scores), 20)[0].codes.tolist()
    assert plain == shelf.order(ranked(range(10, 40), 100 * scores - 7), 20)[0].codes.tolist()


# continue


def test_continue_shows_what_was_begun_carts_first_then_wishes_then_the_newest() -> None:
    shelf = rule(
        "continue", (10, CART, 1), (11, CART, 3), (12, WISH, 2), (13, VIEW, 5), (14, CLICK, 6), (14, VIEW, 7)
    )
    assert on_shelf(shelf) == [11, 10, 12, 14, 13]
    assert shelf.closed


@pytest.mark.parametrize("end", [BUY, ORDER, RETURN])
def test_what_was_bought_since_is_no_longer_begun_until_it_is_looked_at_again(end: EventType) -> None:
    begun = [(10, CART, 1), (10, end, 2), (11, VIEW, 2)]
    shelf = rule("continue", *begun)
    assert on_shelf(shelf) == [11]
    assert closed_out(shelf)["bought_since"] == [10]
    assert on_shelf(rule("continue", *begun, (10, VIEW, 3))) == [10, 11]


def test_an_item_taken_out_of_the_cart_is_one_that_was_looked_at() -> None:
    assert on_shelf(rule("continue", (10, CART, 1), (10, UNCART, 2), (11, VIEW, 3))) == [11, 10]


def test_what_was_looked_at_long_ago_is_forgotten() -> None:
    rows = [(10, VIEW, 1), (11, VIEW, 32)]
    shelf = rule("continue", *rows)
    assert on_shelf(shelf) == [11]
    assert 10 in closed_out(shelf)["not_browsed"]
    assert on_shelf(rule("continue", *rows, continue_days=31)) == [11, 10]


# all


@pytest.mark.parametrize("slot", SLOTS)
def test_an_empty_history_is_a_normal_case(slot: Slot) -> None:
    found = rule(slot)
    assert found.order(ranked([]), 20)[1] == 0
    empty = slot in SHELF_REASONS
    assert found.closed == empty
    assert all(gate.any() != empty for gate in list(gates_of(found).values())[:1])


@pytest.mark.parametrize("slot", SLOTS)
def test_a_related_list_and_one_without_personalisation_know_nothing_of_the_shopper(slot: Slot) -> None:
    rows = [(MILK, BUY, 1), (SOFA, BUY, 2), (9, VIEW, 3)]
    related = rule(slot, *rows, query={"related": np.array([5], np.int32)})
    assert closed_out(related) == {}
    assert related.order(ranked(range(30)), 20)[1] == 0
    anonymous = rule(slot, *rows, query={"personalization": "none"})
    assert closed_out(anonymous) == closed_out(rule(slot))
    assert slot_of(Query(as_of=0, slot=slot, related=np.empty(0, np.int32))) == "any"


@pytest.mark.parametrize("slot", SLOTS)
def test_a_list_does_not_depend_on_how_long_the_shopper_is_away(slot: Slot) -> None:
    rows = [(MILK, BUY, 1.0), (SOFA, BUY, 30.0), (7, CART, 31.0), (8, VIEW, 40.0)]
    moved = [(item, kind, day + 900) for item, kind, day in rows]
    now, then = (
        slot_rule(Query(as_of=at, slot=slot, history=history(rows)), REPEATS, SlotsConfig())
        for at in (0, 10**13)
    )
    assert closed_out(now) == closed_out(then) == closed_out(rule(slot, *moved))
