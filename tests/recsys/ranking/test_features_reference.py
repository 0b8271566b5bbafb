"""The compiled matrix equals the same matrix written with whole columns, on thousands of random tastes."""

from collections.abc import Mapping

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.history import EMPTY_HISTORY, History
from recsys.models.item_stats import ITEM_COLUMNS, ItemStats
from recsys.models.repeats import Repeats
from recsys.past import Past
from recsys.ranking.features import FEATURES, FeatureTable
from recsys.ranking.said import NOTHING_SAID, Said
from recsys.retrieval.source import Taste
from recsys.types import EVENT_CODES, EventType, Item, Offer
from recsys.weights import HOUR_MS

SOURCES = ("own", "sessions", "taste", "together", "linked", "alike", "trending")
UNTOUCHED = float(np.log1p(1e6))
N = 400
LATELY = 10
VIEW = np.array([EVENT_CODES[EventType.VIEW]], np.int8)


def reference(
    table: FeatureTable, taste: Taste, codes: np.ndarray, scores: Mapping[str, np.ndarray], rule: np.ndarray
) -> np.ndarray:
    """float32[features, c]."""
    zeros = np.zeros(len(codes), np.float32)
    said = [scores.get(name, zeros) for name in SOURCES]
    cycle = table.repeats.cycle_days[codes]
    parts = (
        [rule, relative(rule), *said, *map(relative, said)],
        own(taste.past, codes, cycle),
        affinity(table, taste, codes),
        last(table, taste, codes),
        list(table.stats.table[codes].T),
        [table.repeats.rate[codes], cycle],
        shopper(taste.past),
    )
    rows = [np.broadcast_to(np.float32(row), len(codes)) for part in parts for row in part]
    return np.stack(rows).astype(np.float32)


def relative(scores: np.ndarray) -> np.ndarray:
    return scores / max(float(scores.max(initial=0.0)), 1e-9)


def own(past: Past, codes: np.ndarray, cycle_days: np.ndarray) -> list[np.ndarray]:
    if not len(past):
        zeros, old = np.zeros(len(codes), np.float32), np.full(len(codes), UNTOUCHED, np.float32)
        return [zeros, zeros, zeros, old, old, zeros, zeros, old * 100, *[zeros] * 5]
    places = np.minimum(np.searchsorted(past.codes, codes), len(past) - 1)
    known = past.codes[places] == codes

    def of(column: np.ndarray, absent: float = 0.0) -> np.ndarray:
        return np.where(known, column[places], np.float32(absent))

    due = np.minimum(past.age / np.maximum(past.interval, 1e-3), 10.0) * (past.interval > 0)
    rebuys = (cycle_days > 0) & (of(past.purchases) > 0)
    return [
        of(past.events),
        of(past.purchases),
        of(past.carts),
        of(np.log1p(past.age), UNTOUCHED),
        of(np.log1p(past.bought_age), UNTOUCHED),
        of(np.log1p(past.interval)),
        of(due),
        of(past.depth, UNTOUCHED * 100),
        of(past.in_session),
        of(past.week),
        of(past.quarter),
        of(past.events / (past.age + past.span + 168)),
        np.minimum(of(past.bought_age) / np.maximum(cycle_days * 24, 1e-3), 10.0) * rebuys,
    ]


def affinity(table: FeatureTable, taste: Taste, codes: np.ndarray) -> list[np.ndarray]:
    events, catalogue = taste.past.history.items, table.catalogue
    leaf, brand = catalogue.category + 1, catalogue.brand + 1
    tops = np.append(catalogue.categories.ancestors[:, :1].ravel(), -1)
    top = tops[catalogue.category] + 1
    price = np.log1p(np.nan_to_num(np.maximum(catalogue.price, 0), nan=0.0)).astype(np.float32)
    known = price[events][price[events] > 0]
    usual = float(known.mean()) if len(known) else 0.0
    gap = np.where(price[codes] > 0, price[codes] - usual, 0) if usual else np.zeros(len(codes))
    late = events[-LATELY:]
    shares = [share(group, part, codes) for group in (leaf, top) for part in (events, late)]
    return [*shares, share(brand, events, codes), gap.astype(np.float32)]


def share(groups: np.ndarray, events: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Share of the events in each candidate's group; 0 where an item has none (group 0)."""
    if not len(events):
        return np.zeros(len(codes), np.float32)
    counts = np.bincount(groups[events], minlength=int(groups.max()) + 1)
    return (np.where(groups[codes] > 0, counts[groups[codes]], 0) / len(events)).astype(np.float32)


def last(table: FeatureTable, taste: Taste, codes: np.ndarray) -> list[np.ndarray]:
    if not len(taste.recent):
        return [np.zeros(len(codes), np.float32)] * 2
    newest, leaf = int(taste.recent[0]), table.catalogue.category
    same = (leaf[codes] == leaf[newest]) & (leaf[newest] >= 0)
    return [table.vectors[codes] @ table.vectors[newest], same.astype(np.float32)]


def shopper(past: Past) -> list[float]:
    rows = past.history
    if not len(rows):
        return [0.0] * 7
    opening = past.session_start
    return [
        float(np.log1p(len(rows))),
        float(np.log1p(len(past))),
        1.0 - len(past) / len(rows),
        float(past.purchases.sum()) / len(rows),
        float(len(rows) - opening),
        float(np.log1p((rows.times[-1] - rows.times[opening]) / 60_000)),
        float(past.opens_visit),
    ]


def table_of(generator: np.random.Generator, size: int, length: int) -> FeatureTable:
    """A catalogue in which some items lack category, brand or price, and vectors of any length."""
    items = []
    for number in range(size):
        category = " > ".join(
            f"c{level}" for level in generator.integers(0, 4, int(generator.integers(0, 4)))
        )
        price = float(generator.choice((0.0, 1e-9, 3.5, 1e30, float(generator.random() * 100))))
        items.append(
            Item(
                item_id=f"item{number}",
                category=category or None,
                brand=f"b{generator.integers(5)}" if generator.random() < 0.7 else None,
                offers=(Offer(sku=f"sku{number}", price=price),) if generator.random() < 0.8 else (),
            )
        )
    vectors = generator.normal(size=(size, length)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stats = generator.random((size, len(ITEM_COLUMNS))).astype(np.float32)
    cycles = generator.choice((0.0, 1e-6, 7.5, 400.0), size).astype(np.float32)
    rates = generator.random(size).astype(np.float32)
    return FeatureTable(Catalogue.build(items), ItemStats(stats), Repeats(rates, cycles), vectors)


def taste_of(generator: np.random.Generator, size: int) -> Taste:
    events = int(generator.choice((0, 1, 2, 12, 60)))
    items = generator.integers(0, generator.choice((1, min(10, size), size)), events).astype(np.int32)
    times = np.sort(generator.integers(0, generator.choice((1, 60, 10_000)), events))
    kinds = generator.integers(0, len(EVENT_CODES), events).astype(np.int8)
    history = (
        History(items, kinds, times * int(generator.choice((60_000, HOUR_MS)))) if events else EMPTY_HISTORY
    )
    past = Past.of(history, int(generator.choice((0, 10**12))))
    recent = generator.permutation(np.unique(history.items))[:5].astype(np.int32)
    ones = np.ones(len(recent), np.float32)
    return Taste(past.codes, np.ones(len(past), np.float32), recent, ones, ones, past, None)


def scores_of(generator: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Some sources are absent, some say nothing, some speak of a few."""
    found = {}
    for name in (*SOURCES, "unheard"):
        if generator.random() < 0.8:
            values = generator.random(count) * (generator.random(count) < generator.choice((0, 0.3, 1)))
            found[name] = values.astype(np.float32)
    return found


@pytest.mark.parametrize(("seed", "size", "length"), [(0, N, 64), (1, N, 7), (2, 3, 1), (3, 60, 18)])
def test_a_compiled_matrix_equals_the_reference(seed: int, size: int, length: int) -> None:
    generator = np.random.default_rng(seed)
    table = table_of(generator, size, length)
    for _ in range(500):
        taste = taste_of(generator, size)
        count = int(generator.integers(0, min(size, 250) + 1))
        codes = np.sort(generator.permutation(size)[:count]).astype(np.int32)
        scores = scores_of(generator, count)
        rule = (generator.random(count) * generator.choice((0, 1))).astype(np.float32)
        found = table.matrix(taste, codes, Said.of(scores, count), rule)
        expected = reference(table, taste, codes, scores, rule)
        assert found.shape == expected.shape == (len(FEATURES), count)
        for place, name in enumerate(FEATURES):
            # Differences of nearly equal numbers and sums of both signs: as exact as what they are made of.
            close = 2e-5 if name == "price_gap" else 1e-6 if name == "last_alike" else 1e-30
            np.testing.assert_allclose(found[place], expected[place], rtol=1e-6, atol=close, err_msg=name)


@pytest.mark.parametrize("wrong", [-1, 3, 2**31 - 1])
def test_an_item_that_no_column_has_is_refused_and_not_read_from_elsewhere(wrong: int) -> None:
    generator = np.random.default_rng(0)
    table, one = table_of(generator, 3, 4), np.ones(1, np.float32)
    codes, nobody = np.array([wrong], np.int32), taste_of(generator, 1)
    with pytest.raises(IndexError):
        table.matrix(nobody, codes, NOTHING_SAID, one)
    view = History(codes, VIEW, np.zeros(1, np.int64))
    past = Past(codes, np.zeros((11, 1), np.float32), view, 0, False)
    with pytest.raises(IndexError):
        table.matrix(Taste(codes, one, codes, one, one, past, None), np.zeros(1, np.int32), NOTHING_SAID, one)


@pytest.mark.parametrize("codes", [[1, 0], [2, 2]])
def test_candidates_that_do_not_ascend_are_refused(codes: list[int]) -> None:
    generator = np.random.default_rng(0)
    table, two = table_of(generator, 3, 4), np.ones(2, np.float32)
    with pytest.raises(ValueError, match="ascending"):
        table.matrix(taste_of(generator, 1), np.array(codes, np.int32), NOTHING_SAID, two)


def test_a_change_of_price_or_category_is_seen_by_the_next_matrix() -> None:
    table = table_of(np.random.default_rng(4), 20, 4)
    codes, rule = np.arange(20, dtype=np.int32), np.zeros(20, np.float32)
    view = History(np.array([3], np.int32), VIEW, np.zeros(1, np.int64))
    past = Past.of(view)
    taste = Taste(past.codes, rule[:1], past.codes, rule[:1], rule[:1], past, None)
    table.matrix(taste, codes, NOTHING_SAID, rule)
    for item in (3, 5):
        offer = Offer(sku=f"sku{item}", price=12.0 * item)
        table.catalogue.update(
            Item(item_id=f"item{item}", category="New > Shelf", brand="x", offers=(offer,))
        )
    found = table.matrix(taste, codes, NOTHING_SAID, rule)
    np.testing.assert_allclose(found, reference(table, taste, codes, {}, rule), rtol=1e-6, atol=2e-6)
    assert found[FEATURES.index("leaf_share")].nonzero()[0].tolist() == [3, 5]
