"""Teaches the ranker: LambdaRank over questions with their candidates, a probability curve on shoppers held out.

Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82. Deterministic for one seed and input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recsys.metrics import discounts
from recsys.ranking.features import COARSE, FEATURES, MONOTONE
from recsys.ranking.folding import fold_feature
from recsys.ranking.ranker import GAINS, Ranker, RankerConfig, Trees

__all__ = ["Example", "Lesson", "learn"]

Matrix = npt.NDArray[np.float32]

_HELD_OUT: Final = 0.15
"""Share of the shoppers whose questions only measure."""
_CUT: Final = 20
_POSITION: Final = len(FEATURES)
"""Column of the place where an item was seen: in training only, and only where lists were seen."""
_FIRST: Final = 1.0
"""Position that serving asks for, and that of items nobody has shown."""


@dataclass(frozen=True, slots=True)
class Example:
    """The candidates of one question."""

    user: int
    matrix: Matrix
    """float32[features, c]."""
    grades: npt.NDArray[np.int8]
    """int8[c]: 0 not wanted, more is better."""
    rule: npt.NDArray[np.float32]
    """float32[c]: score of the own-first rule, the mark to beat."""
    wanted: float
    """Gain of the ideal list, candidates or not: what recall costs is counted."""
    positions: npt.NDArray[np.float32] | None = None
    """float32[c]: where each was seen, from 1, in a list that was shown; None for a question."""
    weight: float = 1.0
    """What it counts relative to a question."""


@dataclass(frozen=True)
class Lesson:
    """What came of it. Figures are NDCG@20 on shoppers the trees never saw."""

    ranker: Ranker
    questions: int
    ndcg: float
    ndcg_rule: float
    importance: dict[str, float]
    """Gain by feature, summing to 1."""
    sample: Matrix
    """float32[rows, features]: held-out candidates."""
    shap: npt.NDArray[np.float64]
    """float64[rows, features]: contribution of each feature to the raw score of each row of `sample`."""


def learn(examples: Sequence[Example], config: RankerConfig, seed: int) -> Lesson:
    """Fit trees on most shoppers, the curve and the figures on the others.

    Seen lists teach beside questions and measure only where fewer than two shoppers ask any: their order was the shown
    one.
    """
    import lightgbm

    train, test = _split(examples, seed)
    seen = any(example.positions is not None for example in train)
    matrix, labels = _stack(train)
    matrix = _placed(matrix, train) if seen else matrix
    data = lightgbm.Dataset(
        matrix,
        labels,
        group=[len(example.grades) for example in train],
        weight=_weights(train),
        feature_name=[*FEATURES, *(["position"] if seen else [])],
        params={
            "verbose": -1,
            "use_missing": False,
            "feature_pre_filter": False,
            "max_bin_by_feature": [*_BINS, *([255] if seen else [])],
        },
        free_raw_data=True,
    )
    booster = lightgbm.train(_parameters(config, seed) | (_APART if seen else {}), data, config.trees)
    model = fold_feature(booster.dump_model(), _POSITION, _FIRST)
    ranker = Ranker(_trees(model), FEATURES, 1.0, 0.0)
    ranker = Ranker(ranker.trees, FEATURES, *_curve(ranker, test))
    gains = booster.feature_importance("gain")[:_POSITION]
    sample = _stack(test)[0][:: max(1, sum(len(e.grades) for e in test) // 2_000)]
    return Lesson(
        ranker,
        len(examples),
        _ndcg([(ranker.raw(example.matrix), example) for example in test]),
        _ndcg([(example.rule, example) for example in test]),
        {name: float(gain / max(gains.sum(), 1e-12)) for name, gain in zip(FEATURES, gains, strict=True)},
        sample,
        np.asarray(booster.predict(_placed(sample) if seen else sample, pred_contrib=True))[:, :_POSITION],
    )


_BINS: Final = [15 if name in COARSE else 127 for name in FEATURES]
_APART: Final[dict[str, Any]] = {
    "monotone_constraints": [*(MONOTONE.get(name, 0) for name in FEATURES), -1],
    "interaction_constraints": [list(range(_POSITION)), [_POSITION]],
}
"""A lower place is seen less, whatever stands there: position has trees of its own, so fixing it changes no order that
the others learned."""


def _parameters(config: RankerConfig, seed: int) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.least_rows_in_leaf,
        "lambda_l2": 10.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 1.0,
        "lambdarank_truncation_level": 30,
        "label_gain": list(GAINS),
        "monotone_constraints": [MONOTONE.get(name, 0) for name in FEATURES],
        "monotone_constraints_method": "basic",
        "use_missing": False,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 2,
        "verbose": -1,
    }


def _split(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """What teaches, and what measures: shoppers of the second are not in the first."""
    measures = [example for example in examples if example.positions is None]
    users = np.unique([example.user for example in measures])
    if len(users) < 2:  # one shopper's questions cannot both teach and measure
        measures, users = list(examples), np.unique([example.user for example in examples])
    drawn = np.random.default_rng(seed).random(len(users)) < _HELD_OUT
    drawn[:1], drawn[-1:] = True, False  # both sides have someone
    held = frozenset(users[drawn].tolist())
    train = [example for example in examples if example.user not in held]
    return train, [example for example in measures if example.user in held]


def _stack(examples: Sequence[Example]) -> tuple[Matrix, npt.NDArray[np.int8]]:
    matrix = np.concatenate([example.matrix.T for example in examples])
    return np.ascontiguousarray(matrix), np.concatenate([example.grades for example in examples])


def _placed(matrix: Matrix, examples: Sequence[Example] = ()) -> Matrix:
    """With a last column: where each row was seen, the first place where it was not."""
    places = np.full(len(matrix), _FIRST, np.float32)
    row = 0
    for example in examples:
        if example.positions is not None:
            places[row : row + len(example.positions)] = example.positions
        row += len(example.grades)
    return np.column_stack((matrix, places))


def _weights(examples: Sequence[Example]) -> npt.NDArray[np.float64]:
    """A shopper weighs as the root of how often they were asked; seen lists do not dilute questions."""
    kinds = np.array([2 * example.user + (example.positions is not None) for example in examples])
    _, inverse, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    each = np.array([example.weight for example in examples]) / np.sqrt(counts[inverse])
    rows = np.repeat(each, [len(example.grades) for example in examples])
    weights: npt.NDArray[np.float64] = rows / rows.mean()
    return weights


def _trees(model: dict[str, Any]) -> Trees:
    """Flatten LightGBM's description of its trees."""
    roots: list[int] = []
    nodes: list[tuple[int, float]] = []
    children: list[list[int]] = []
    leaves: list[float] = []

    def add(node: dict[str, Any]) -> int:
        if "split_index" not in node:
            leaves.append(float(node["leaf_value"]))
            return ~(len(leaves) - 1)
        place = len(nodes)
        nodes.append((int(node["split_feature"]), float(node["threshold"])))
        children.append([0, 0])
        children[place] = [add(node["left_child"]), add(node["right_child"])]
        return place

    roots.extend(add(tree["tree_structure"]) for tree in model["tree_info"])
    return Trees(
        np.array(roots, np.int32),
        np.array([feature for feature, _ in nodes], np.int16),
        _rounded_down([threshold for _, threshold in nodes]),
        np.array(children, np.int32).reshape(-1, 2),
        np.array(leaves, np.float64),
    )


def _rounded_down(thresholds: Sequence[float]) -> npt.NDArray[np.float32]:
    exact = np.array(thresholds, np.float64)
    near = exact.astype(np.float32)
    return np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)


def _curve(ranker: Ranker, examples: Sequence[Example]) -> tuple[float, float]:
    """Slope and offset of the logistic curve: Newton's method on two parameters, a little ridge on the slope."""
    raw = np.concatenate([ranker.raw(example.matrix) for example in examples])
    wanted = np.concatenate([example.grades > 0 for example in examples]).astype(np.float64)
    slope, offset = 1.0, float(np.log((wanted.mean() + 1e-6) / (1 - wanted.mean() + 1e-6)))
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(slope * raw + offset, -30, 30)))
        spread = np.maximum(chance * (1 - chance), 1e-9)
        slope_gradient = float(((chance - wanted) * raw).sum() + 1e-3 * (slope - 1))
        offset_gradient = float((chance - wanted).sum())
        a, b, c = float((spread * raw * raw).sum() + 1e-3), float((spread * raw).sum()), float(spread.sum())
        det = max(a * c - b * b, 1e-9)
        slope -= (c * slope_gradient - b * offset_gradient) / det
        offset -= (a * offset_gradient - b * slope_gradient) / det
    return max(slope, 1e-3), offset


def _ndcg(scored: Sequence[tuple[npt.NDArray[Any], Example]]) -> float:
    """NDCG@20 averaged by shopper."""
    users = np.array([example.user for _, example in scored])
    values = np.array([_dcg(scores, example) / example.wanted for scores, example in scored])
    by_user = np.unique(users, return_inverse=True)[1]
    return float(np.mean(np.bincount(by_user, weights=values) / np.bincount(by_user)))


def _dcg(scores: npt.NDArray[Any], example: Example) -> float:
    order = np.argsort(-scores, kind="stable")[:_CUT]
    gains = (example.grades[order] > 0).astype(np.float64)
    return float((gains * discounts(len(order))).sum())
