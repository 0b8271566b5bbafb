"""Arrays that look trained: what fitting would take minutes or hours for, drawn from the shop's structure instead.

Vectors cluster by category, are longer for wanted items and differ within a category; neighbour lists stay mostly
within it and are as long as an item's events make them; trees split where features of real questions do.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.models.neighbour_lists import NeighbourLists, best_of_rows
from recsys.ranking.features import FEATURES, MONOTONE
from recsys.ranking.ranker import Ranker, RankerConfig, Trees
from recsys.testing.assortment import Assortment

__all__ = ["make_factors", "make_neighbours", "make_ranker", "make_unit_vectors"]

Vectors = npt.NDArray[np.float32]
Lists = TypeVar("Lists", bound=NeighbourLists)

_ROWS_AT_ONCE: Final = 50_000
_NEIGHBOURS_PER_EVENT: Final = 3
_SPARE: Final = 1.2
"""Neighbours drawn for each one that shall stay: the same one may be drawn twice."""
_ASTRAY: Final = 0.2
_STEEPNESS: Final = 0.45
_SPREAD: Final = 0.45
_LONGEST: Final = 2.5
_STEP: Final = 0.05
"""Scale of a leaf: a learning rate's worth."""


def make_unit_vectors(shop: Assortment, size: int, generator: np.random.Generator) -> Vectors:
    """Vectors float32[n, size] of length 1: half the top category's and the leaf's direction, half the item's own."""
    tops = _directions(int(shop.top.max()) + 1, size, generator)
    leaves = 0.5 * tops[shop.top] + 0.85 * _directions(len(shop.top), size, generator)
    vectors = leaves[shop.leaf]
    vectors += 0.7 * _directions(len(shop), size, generator)
    return _unit(vectors)


def make_factors(
    shop: Assortment, events: npt.NDArray[Any], size: int, generator: np.random.Generator
) -> Vectors:
    """Item factors float32[n, size]: unit vectors, longer for items with more `events: int[n]`; 0 without any.

    Lengths grow as a power of an item's events and scatter around it, so that of 100,000 items the 100th, 1,000th,
    10,000th and 50,000th longest vector have .52, .23, .09 and .03 of the longest. Of factors fitted on real
    shops they have .51, .26, .09 and .02 (Complete Journey, 1.5 million events), .69, .42, .11 and .01 (Diginetica,
    900,000), .55, .38, .24 and .11 (RetailRocket, 82,000); the longest are 4.3, 2.6 and 2.0.
    """
    mean = (events / max(int(events.max(initial=1)), 1)) ** _STEEPNESS
    length = _LONGEST * np.minimum(mean * np.exp(_SPREAD * generator.standard_normal(len(events))), 1.0)
    factors: Vectors = make_unit_vectors(shop, size, generator) * length[:, None].astype(np.float32)
    return factors


def make_neighbours(
    kind: type[Lists], shop: Assortment, events: npt.NDArray[Any], most: int, generator: np.random.Generator
) -> Lists:
    """Neighbour lists of up to `most` items, three for each event an item has."""
    lengths = np.minimum(_NEIGHBOURS_PER_EVENT * events.astype(np.int64), most)
    blocks = [
        _neighbours(shop, np.arange(start, min(start + _ROWS_AT_ONCE, len(shop))), lengths, generator)
        for start in range(0, len(shop), _ROWS_AT_ONCE)
    ]
    best = [best_of_rows(block, most) for block in blocks]
    counts = np.concatenate([np.diff(indptr) for indptr, _, _ in best])
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return kind(
        indptr, np.concatenate([each[1] for each in best]), np.concatenate([each[2] for each in best])
    )


def _neighbours(
    shop: Assortment, rows: npt.NDArray[Any], lengths: npt.NDArray[Any], generator: np.random.Generator
) -> sparse.csr_array:
    owner = np.repeat(rows, np.ceil(_SPARE * lengths[rows]).astype(np.int64))
    near = shop.draw(shop.leaf[owner], generator)
    codes = np.where(generator.random(len(owner)) < _ASTRAY, shop.draw_any(len(owner), generator), near)
    keys = np.unique((owner * np.int64(len(shop)) + codes)[codes != owner])
    owner, codes = keys // len(shop) - rows[0], keys % len(shop)
    weights = (0.001 + generator.exponential(0.05, len(keys))).astype(np.float32)
    indptr = np.searchsorted(owner, np.arange(len(rows) + 1))
    return sparse.csr_array((weights, codes.astype(np.int32), indptr), shape=(len(rows), len(shop)))


def make_ranker(
    matrices: Sequence[npt.NDArray[np.float32]], config: RankerConfig, generator: np.random.Generator
) -> Ranker:
    """Trees over the features of real candidates, `matrices: float32[features, candidates]` of some questions.

    Each grows by splitting a leaf at random where that feature's values divide; what counts in a feature's favour
    lifts the score.
    """
    rows = np.concatenate(matrices, axis=1)
    varied = np.flatnonzero(rows.max(axis=1) > rows.min(axis=1))
    trees = [_grow(rows, varied, config.leaves, generator) for _ in range(config.trees)]
    nodes, leaves = config.leaves - 1, config.leaves
    return Ranker(
        Trees(
            roots=(np.arange(len(trees)) * nodes).astype(np.int32),
            features=np.concatenate([tree[0] for tree in trees]).astype(np.int16),
            thresholds=np.concatenate([tree[1] for tree in trees]).astype(np.float32),
            children=np.concatenate(
                [
                    np.where(tree[2] < 0, tree[2] - place * leaves, tree[2] + place * nodes)
                    for place, tree in enumerate(trees)
                ]
            ).astype(np.int32),
            leaves=np.concatenate([tree[3] for tree in trees]),
        ),
        FEATURES,
        1.0,
        -1.0,
    )


def _grow(
    rows: npt.NDArray[np.float32], varied: npt.NDArray[Any], leaves: int, generator: np.random.Generator
) -> tuple[npt.NDArray[Any], ...]:
    """(features, thresholds, children, leaf values) of one tree; a child below 0 is leaf `~child`."""
    features = generator.choice(varied, leaves - 1)
    children = np.full((leaves - 1, 2), -1, np.int64)
    values, thresholds = np.zeros(leaves), np.zeros(leaves - 1, np.float32)
    holders: list[tuple[int, int]] = []
    for node, feature in enumerate(features.tolist()):
        thresholds[node] = generator.choice(rows[feature])
        place = int(generator.integers(len(holders))) if holders else 0
        if holders:
            children[holders[place]] = node
        values[node + 1] = values[place]
        lift = _STEP * generator.exponential() * MONOTONE.get(FEATURES[feature], generator.choice((-1, 1)))
        values[[place, node + 1]] += (-lift, lift)
        children[node] = (~place, ~(node + 1))
        holders[place : place + 1] = [(node, 0)]
        holders.append((node, 1))
    return features, thresholds, children, values


def _directions(count: int, size: int, generator: np.random.Generator) -> Vectors:
    return _unit(generator.standard_normal((count, size), dtype=np.float32))


def _unit(vectors: Vectors) -> Vectors:
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors
