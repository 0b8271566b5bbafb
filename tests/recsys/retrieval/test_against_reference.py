"""The fast ways say what the plain ones say, ties included, on thousands of random requests."""

from collections.abc import Mapping

import numpy as np
import pytest

from recsys.item_set import ItemSet
from recsys.models.linked import Linked
from recsys.models.neighbour_lists import NeighbourLists
from recsys.models.trending import Trending
from recsys.past import EMPTY_PAST
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.gates import Gates
from recsys.retrieval.linked import LinkedItems
from recsys.retrieval.own import OwnItems
from recsys.retrieval.source import Scores, SparseScores, Taste
from recsys.retrieval.table_kernel import table_of
from recsys.retrieval.together import MetTogether
from recsys.retrieval.trending import TrendingItems

ITEMS = 400
REQUESTS = 400
Codes = np.ndarray
Values = np.ndarray
Flags = np.ndarray


class Reference:
    """Contributions (seed, item, part) added up per item, the best at 1."""

    def __init__(self, seeds: Codes, items: Codes, parts: Values) -> None:
        self.seeds, self.items, self.parts = seeds, items, parts
        self.codes, inverse = np.unique(items, return_inverse=True)
        totals = np.bincount(inverse, weights=parts, minlength=len(self.codes)).astype(np.float32)
        self.values = totals / max(float(totals.max(initial=0)), 1e-12)

    @classmethod
    def of_lists(cls, lists: NeighbourLists, seeds: Codes, weights: Values) -> "Reference":
        owner, items, parts = lists.pairs(seeds)
        return cls(seeds[owner], items, parts * weights[owner])

    def top(self, n: int, allowed: Flags) -> Codes:
        kept = allowed[self.codes]
        codes, values = self.codes[kept], self.values[kept]
        return codes[np.argsort(-values, kind="stable")[:n]]

    def at(self, codes: Codes) -> Values:
        known = dict(zip(self.codes.tolist(), self.values.tolist(), strict=True))
        return np.array([known.get(code, 0.0) for code in codes.tolist()], np.float32)

    def because(self, codes: Codes) -> Codes:
        reasons = []
        for code in codes.tolist():
            rows = np.flatnonzero(self.items == code)
            # Of equal contributions the last one speaks.
            best = rows[np.flatnonzero(self.parts[rows] == self.parts[rows].max())[-1]] if len(rows) else None
            reasons.append(-1 if best is None else int(self.seeds[best]))
        return np.array(reasons, np.int32)


def trending_top(trending: Trending, categories: Codes, recent: Codes, n: int, allowed: Flags) -> Codes:
    """The head of all items and of the three latest categories of a shopper."""
    latest = [code for code in dict.fromkeys(categories[recent].tolist()) if code >= 0][:3]
    share = n // (len(latest) + 1)
    heads = [head[allowed[head]][:share] for head in map(trending.head, latest)]
    order = trending.order
    return np.concatenate([order[allowed[order]][: n - sum(map(len, heads))], *heads])


def buckets(gates: Mapping[str, Flags]) -> dict[str, int]:
    """Items by the first gate that does not let them through."""
    left = np.ones(len(next(iter(gates.values()))), bool)
    counts = {}
    for name, gate in gates.items():
        counts[name] = int(np.count_nonzero(left & ~gate))
        left &= gate
    return counts


@pytest.fixture(scope="module")
def lists() -> Linked:
    """Weights in eighths, so that sums tie."""
    generator = np.random.default_rng(1)
    counts = generator.integers(0, 30, ITEMS)
    items = np.concatenate([generator.choice(ITEMS, count, replace=False) for count in counts])
    weights = np.concatenate([np.sort(generator.integers(1, 5, count))[::-1] for count in counts]) / 8
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Linked(indptr, items.astype(np.int32), weights.astype(np.float32))


def taste_of(generator: np.random.Generator) -> Taste:
    own = np.sort(generator.choice(ITEMS, generator.integers(1, 30), replace=False)).astype(np.int32)
    values = (generator.integers(1, 5, len(own)) / 4).astype(np.float32)
    recent = generator.permutation(own)[:20].astype(np.int32)
    weights = (0.5 ** np.arange(len(recent)) if generator.random() < 0.5 else np.ones(len(recent))).astype(
        np.float32
    )
    return Taste(own, values, recent, weights, 0 * weights, EMPTY_PAST, None)


def allowed_of(generator: np.random.Generator) -> Allowed:
    """A shared set less what one request leaves out."""
    pool = ItemSet(generator.random(ITEMS) < generator.choice([0.02, 0.5, 0.95, 1.0]))
    return Allowed(pool).without(generator.integers(0, ITEMS, generator.integers(0, 40)).astype(np.int32))


def assert_same(scores: Scores, reference: Reference, generator: np.random.Generator) -> None:
    allowed, asked = allowed_of(generator), generator.integers(0, ITEMS, 50).astype(np.int32)
    for n in (1, 10, 60, 5_000):
        np.testing.assert_array_equal(scores.top(n, allowed), reference.top(n, allowed.flags()))
    np.testing.assert_array_equal(scores.top(20, allowed.flags()), scores.top(20, allowed))
    np.testing.assert_allclose(scores.at(asked), reference.at(asked), rtol=1e-6)
    np.testing.assert_array_equal(scores.because(asked), reference.because(asked))


def test_neighbour_lists_add_up_alike(lists: Linked) -> None:
    generator = np.random.default_rng(2)
    for _ in range(REQUESTS):
        taste = taste_of(generator)
        together = Reference.of_lists(lists, taste.recent, taste.recent_weights)
        assert_same(MetTogether(lists).read(taste), together, generator)  # type: ignore[arg-type]
        strongest = np.argsort(-taste.own_values, kind="stable")[:15]
        linked = Reference.of_lists(lists, taste.own[strongest], taste.own_values[strongest])
        assert_same(LinkedItems(lists).read(taste), linked, generator)


def test_own_items_are_read_alike() -> None:
    generator = np.random.default_rng(3)
    for _ in range(REQUESTS):
        taste = taste_of(generator)
        reference = Reference(taste.own, taste.own, taste.own_values)
        reference.values = taste.own_values
        assert_same(OwnItems().read(taste), reference, generator)


def test_scores_in_any_order_are_read_alike() -> None:
    """As the sessions give them: thousands of items as they were met."""
    generator = np.random.default_rng(4)
    for _ in range(REQUESTS):
        codes = generator.permutation(ITEMS)[: generator.integers(1, ITEMS)].astype(np.int32)
        seeds = generator.integers(0, ITEMS, 5).astype(np.int32)
        ranks = generator.integers(0, 5, len(codes)).astype(np.int32)
        values = (generator.integers(0, 9, len(codes)) / 8).astype(np.float32)
        reference = Reference(seeds[ranks], codes, values)
        reference.values = values[np.argsort(codes)]
        assert_same(SparseScores(codes, values, seeds, ranks, table_of(codes)), reference, generator)


def test_trending_is_read_alike() -> None:
    generator = np.random.default_rng(5)
    categories = generator.integers(-1, 6, ITEMS).astype(np.int32)
    order = generator.permutation(ITEMS).astype(np.int32)
    heads = [order[categories[order] == category][:40] for category in range(6)]
    indptr = np.concatenate(([0], np.cumsum([len(head) for head in heads]))).astype(np.int64)
    scores = np.linspace(1, 0, ITEMS, dtype=np.float32)[np.argsort(order)]
    trending = Trending(scores, order, indptr, np.concatenate(heads))
    source = TrendingItems(trending, lambda: categories)
    for _ in range(REQUESTS):
        taste, allowed, n = taste_of(generator), allowed_of(generator), int(generator.integers(1, 80))
        found = source.read(taste).top(n, allowed)
        expected = trending_top(trending, categories, taste.recent, n, allowed.flags())
        np.testing.assert_array_equal(found, expected)


def test_what_is_allowed_agrees_with_its_mask_after_any_steps() -> None:
    generator = np.random.default_rng(6)
    for _ in range(REQUESTS):
        allowed = allowed_of(generator)
        flags, order = allowed.flags(), generator.permutation(ITEMS).astype(np.int32)
        some = generator.integers(0, ITEMS, 30)
        assert len(allowed) == flags.sum()
        assert allowed.codes().tolist() == np.flatnonzero(flags).tolist()
        assert (
            np.unpackbits(allowed.bits(), bitorder="little")[:ITEMS].astype(bool).tolist() == flags.tolist()
        )
        np.testing.assert_array_equal(allowed.first(order, 7), order[flags[order]][:7])
        np.testing.assert_array_equal(allowed.test(order), flags[order])
        np.testing.assert_array_equal(
            np.flatnonzero(allowed.only(some).flags()), [c for c in np.unique(some) if flags[c]]
        )
        without = flags.copy()
        without[some] = False
        np.testing.assert_array_equal(allowed.without(some).flags(), without)


def test_codes_that_no_item_has_are_never_allowed_and_take_nothing_out() -> None:
    allowed = Allowed(ItemSet(np.ones(5, bool)))
    strange = np.array([-1, 5, 2**31 - 1, -(2**31), 3], np.int32)
    assert allowed.test(strange).tolist() == [False, False, False, False, True]
    assert allowed.without(strange).codes().tolist() == [0, 1, 2, 4]
    assert allowed.only(strange).codes().tolist() == [3]
    assert len(allowed.without(np.tile(strange, 10_000))) == 4


def test_every_item_is_in_the_bucket_of_the_first_filter_that_takes_it_out() -> None:
    generator = np.random.default_rng(7)
    for _ in range(REQUESTS):
        eligible = ItemSet(generator.random(ITEMS) < 0.9)
        gates = Gates(eligible)
        masks = {"ineligible": eligible.flags}
        if generator.random() < 0.6:
            codes = generator.integers(0, ITEMS, generator.integers(1, 300)).astype(np.int32)
            gates.hide("excluded", codes)
            masks["excluded"] = np.ones(ITEMS, bool)
            masks["excluded"][codes] = False
        if generator.random() < 0.6:
            masks["filtered"] = generator.random(ITEMS) < generator.choice([0.0, 0.1, 0.8])
            gates.filter(masks["filtered"], eligible & masks["filtered"])
        for name, share in (("bought_recently", 0.97), ("never_bought", 0.05))[: generator.integers(0, 3)]:
            masks[name] = generator.random(ITEMS) < share
            if share < 0.5:
                gates.keep(name, np.flatnonzero(masks[name]).astype(np.int32))
            else:
                gates.hide(name, np.flatnonzero(~masks[name]).astype(np.int32))
        left = np.logical_and.reduce(list(masks.values()))
        np.testing.assert_array_equal(gates.allowed.flags(), left)
        assert gates.counts == buckets(masks)
        assert sum(gates.counts.values()) + len(gates.allowed) == ITEMS
        assert list(gates) == list(masks)
        for name, mask in masks.items():
            np.testing.assert_array_equal(gates[name], mask)
        code = int(generator.integers(ITEMS))
        assert gates.stage(code) == next((name for name, mask in masks.items() if not mask[code]), None)
        others = np.logical_and.reduce([mask for name, mask in masks.items() if name != "filtered"])
        assert gates.emptied_by_filter() == ("filtered" in masks and not left.any() and bool(others.any()))
