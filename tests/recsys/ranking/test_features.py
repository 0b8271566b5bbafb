"""A row of the matrix is what its name says, the same for a question of training and for a request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue
from recsys.history import EMPTY_HISTORY, History
from recsys.models.item_stats import ITEM_COLUMNS, ItemStats
from recsys.models.repeats import Repeats
from recsys.past import Past
from recsys.ranking.features import FEATURES, MONOTONE, FeatureTable
from recsys.ranking.said import NOTHING_SAID, Said
from recsys.retrieval.source import Taste
from recsys.types import EVENT_CODES, EventType, Item, Offer
from recsys.vocabulary import Vocabulary
from recsys.weights import HOUR_MS

VIEW, CART, BUY = EventType.VIEW, EventType.CART, EventType.PURCHASE
MILK, OAT, TEA, SOFA, BARE, DEAR = range(6)
ITEMS = [
    Item(item_id="milk", category="Food > Dairy", brand="Acme", offers=(Offer(sku="m", price=1.0),)),
    Item(item_id="oat", category="Food > Dairy", brand="青花", offers=(Offer(sku="o", price=2.0),)),
    Item(item_id="tea", category="Food > Tea", brand="Acme", offers=(Offer(sku="t", price=9.0),)),
    Item(item_id="sofa", category="Home > Sofas", offers=(Offer(sku="s", price=900.0),)),
    Item(item_id="bare"),
    Item(item_id="dear", offers=(Offer(sku="d", price=1e30),)),
]
N = len(ITEMS)
EVERYTHING = np.arange(N, dtype=np.int32)
Row = tuple[int, EventType, float]


def table(items: Sequence[Item] = ITEMS) -> FeatureTable:
    stats = np.arange(len(items) * len(ITEM_COLUMNS), dtype=np.float32).reshape(len(items), -1)
    vectors = np.eye(len(items), dtype=np.float32)
    vectors[OAT % len(items)] = vectors[MILK]
    rate = np.linspace(0, 1, len(items), dtype=np.float32)
    cycle = np.full(len(items), 10, np.float32)
    cycle[SOFA % len(items)] = 0
    catalogue = Catalogue.build(items, Vocabulary([item.item_id for item in items]))
    return FeatureTable(catalogue, ItemStats(stats), Repeats(rate, cycle), vectors)


def taste(*rows: Row) -> Taste:
    """Events are (item, type, hour), oldest first."""
    if not rows:
        return _taste(EMPTY_HISTORY)
    items, kinds, hours = zip(*rows, strict=True)
    times = np.round(np.array(hours) * HOUR_MS).astype(np.int64)
    return _taste(
        History(np.array(items, np.int32), np.array([EVENT_CODES[k] for k in kinds], np.int8), times)
    )


def _taste(history: History) -> Taste:
    past = Past.of(history)
    recent = past.codes[np.argsort(past.depth)]
    ones = np.ones(len(recent), np.float32)
    return Taste(past.codes, ones, recent, ones, 0 * ones, past, None)


def rows(
    shopper: Taste, codes: np.ndarray = EVERYTHING, scores: Mapping[str, Any] | None = None, rule: Any = None
) -> dict[str, np.ndarray]:
    """The matrix by feature name."""
    rule = np.zeros(len(codes), np.float32) if rule is None else np.array(rule, np.float32)
    found = {name: np.array(values, np.float32) for name, values in (scores or {}).items()}
    matrix = table().matrix(shopper, codes, Said.of(found, len(codes)), rule)
    assert matrix.shape == (len(FEATURES), len(codes))
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    return dict(zip(FEATURES, matrix, strict=True))


def test_names_are_distinct_and_monotone_ones_are_among_them() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    assert set(MONOTONE) <= set(FEATURES)


def test_own_dealings_are_those_of_the_history() -> None:
    found = rows(taste((MILK, VIEW, 0), (MILK, CART, 1), (MILK, BUY, 2), (TEA, VIEW, 12)))
    assert found["own_events"].tolist() == [3, 0, 1, 0, 0, 0]
    assert found["own_carts"][MILK] == found["own_purchases"][MILK] == 1
    assert found["own_age"][[MILK, TEA]].tolist() == pytest.approx([np.log1p(10), 0])
    assert found["own_depth"][[TEA, MILK]].tolist() == [0, 1]
    assert found["own_in_session"][[TEA, MILK]].tolist() == [1, 0]


def test_what_was_never_touched_is_older_than_anything_that_was() -> None:
    found = rows(taste((MILK, BUY, 0), (TEA, VIEW, 24 * 3000)))
    for name in ("own_age", "own_bought_age", "own_depth"):
        assert found[name][SOFA] > found[name][MILK]
        assert rows(taste())[name][SOFA] == found[name][SOFA]


def test_a_rebuy_is_due_after_the_items_own_cycle_and_never_for_what_has_none() -> None:
    found = rows(taste((MILK, BUY, 0), (SOFA, BUY, 0), (TEA, VIEW, 240)))["own_rebuy_due"]
    assert found[MILK] == pytest.approx(1.0)
    assert found[SOFA] == found[TEA] == 0


def test_shares_count_the_events_in_a_candidates_category_and_brand() -> None:
    found = rows(taste((MILK, VIEW, 0), (MILK, VIEW, 1), (TEA, VIEW, 2), (SOFA, VIEW, 3)))
    assert found["leaf_share"].tolist() == pytest.approx([0.5, 0.5, 0.25, 0.25, 0, 0])
    assert found["top_share"].tolist() == pytest.approx([0.75, 0.75, 0.75, 0.25, 0, 0])
    assert found["brand_share"].tolist() == pytest.approx([0.75, 0, 0.75, 0, 0, 0])


def test_lately_means_the_last_ten_events() -> None:
    shopper = taste(*[(SOFA, VIEW, float(n)) for n in range(30)], *[(TEA, VIEW, 40.0 + n) for n in range(10)])
    found = rows(shopper)
    assert found["leaf_lately"][[SOFA, TEA]].tolist() == [0, 1]
    assert found["leaf_share"][[SOFA, TEA]].tolist() == [0.75, 0.25]


def test_the_price_gap_is_zero_at_the_usual_price_and_where_no_price_is_known() -> None:
    found = rows(taste((TEA, VIEW, 0)))["price_gap"]
    assert found[TEA] == pytest.approx(0, abs=1e-6)
    assert found[MILK] < 0 < found[SOFA]
    assert found[BARE] == 0
    assert not rows(taste((BARE, VIEW, 0)))["price_gap"].any()


def test_the_last_item_speaks_by_vector_and_category() -> None:
    found = rows(taste((SOFA, VIEW, 0), (MILK, VIEW, 1)))
    assert found["last_alike"].tolist() == [1, 1, 0, 0, 0, 0]
    assert found["same_leaf_as_last"].tolist() == [1, 1, 0, 0, 0, 0]
    assert not rows(taste((BARE, VIEW, 0)))["same_leaf_as_last"].any()


def test_sources_stand_under_their_names_absent_ones_as_zero_and_relative_to_their_best() -> None:
    codes = np.array([MILK, SOFA], np.int32)
    found = rows(taste((MILK, VIEW, 0)), codes, {"taste": [0.2, 0.4], "unheard": [9, 9]}, rule=[1, 4])
    assert found["score_taste"].tolist() == pytest.approx([0.2, 0.4])
    assert found["relative_taste"].tolist() == pytest.approx([0.5, 1.0])
    assert not found["score_sessions"].any() and not found["relative_sessions"].any()
    assert (found["rule"].tolist(), found["relative_rule"].tolist()) == ([1, 4], [0.25, 1])


def test_item_figures_are_those_of_the_candidates_in_their_order() -> None:
    codes = np.array([TEA, DEAR], np.int32)
    found = rows(taste((MILK, VIEW, 0)), codes)
    for place, name in enumerate(ITEM_COLUMNS):
        assert found[name].tolist() == table().stats.table[codes, place].tolist()
    assert found["item_rebuy"].tolist() == pytest.approx([0.4, 1.0])


def test_what_is_known_of_the_shopper_is_the_same_for_every_candidate() -> None:
    found = rows(taste((MILK, BUY, 0), (MILK, VIEW, 1), (TEA, VIEW, 10), (TEA, VIEW, 10.2)))
    assert found["shopper_events"].tolist() == pytest.approx([np.log1p(4)] * N)
    assert found["shopper_items"][0] == pytest.approx(np.log1p(2))
    assert (found["shopper_returning"][0], found["shopper_buys"][0]) == (0.5, 0.25)
    assert found["session_events"][0] == 2
    assert found["session_age"][0] == pytest.approx(np.log1p(12))
    assert found["opens_visit"].tolist() == [0] * N


def test_a_candidate_is_seen_the_same_alone_and_among_others_but_for_what_is_relative() -> None:
    shopper = taste((MILK, BUY, 0), (TEA, CART, 5), (SOFA, VIEW, 9))
    whole = rows(shopper)
    alone = rows(shopper, np.array([TEA], np.int32))
    for name in FEATURES:
        if not name.startswith("relative_"):
            assert alone[name][0] == whole[name][TEA], name


def test_a_catalogue_without_words_categories_or_prices_has_a_matrix_too() -> None:
    bare = table([Item(item_id=f"item{n}") for n in range(N)])
    none = np.zeros(N, np.float32)
    matrix = bare.matrix(taste((MILK, VIEW, 0)), EVERYTHING, NOTHING_SAID, none)
    named = dict(zip(FEATURES, matrix, strict=True))
    assert np.isfinite(matrix).all()
    assert not any(named[name].any() for name in ("leaf_share", "top_share", "brand_share", "price_gap"))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_matrix_is_finite_and_has_a_row_per_feature_name(data: st.DataObject) -> None:
    kinds = st.sampled_from(list(EventType))
    event = st.tuples(st.integers(0, N - 1), kinds, st.floats(0, 1e5))
    events = sorted(data.draw(st.lists(event, max_size=25)), key=lambda row: row[2])
    codes = np.array(sorted(data.draw(st.sets(st.integers(0, N - 1)))), np.int32)
    score = st.floats(0, 1e6, width=32)
    column = st.lists(score, min_size=len(codes), max_size=len(codes))
    shopper = replace(taste(*events), related=data.draw(st.booleans()))
    scores = {
        name: data.draw(column) for name in data.draw(st.sets(st.sampled_from(("own", "taste", "alike"))))
    }
    found = rows(shopper, codes, scores, data.draw(column))
    assert tuple(found) == FEATURES
    assert all(np.isfinite(values).all() for values in found.values())
