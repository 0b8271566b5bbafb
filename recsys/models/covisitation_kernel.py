"""Who was met with whom, one item at a time: the inner loop of co-visitation, compiled.

Invariant: an item's result depends on its own sessions alone, summed in the order of the input, so it is the same on
every run.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.compiled import compiled
from recsys.models.top_kernel import largest, reached_places

__all__ = ["Rules", "Visits", "neighbours"]

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]


class Visits(NamedTuple):
    """Sessions × items as CSR, rows of one shopper beside each other, and the same by item."""

    starts: npt.NDArray[np.int64]
    """int64[sessions + 1]."""
    items: Codes
    steps: Codes
    """Number of distinct moments of the session before each item's first one."""
    shoppers: Codes
    """int32[sessions]."""
    weights: Values
    """float32[sessions]."""
    item_starts: npt.NDArray[np.int64]
    """int64[items + 1]."""
    item_sessions: Codes
    item_steps: Codes


class Rules(NamedTuple):
    """What a meeting counts, and how many neighbours stay."""

    distance: float
    backward: float
    lone: float
    shrinkage: float
    most: int


@compiled()
def neighbours(
    visits: Visits, root_mass: Values, rules: Rules
) -> tuple[npt.NDArray[np.int64], Codes, Values]:
    """How many neighbours each item has int64[n], their codes int32[n, most] and weights, in no order."""
    n = len(root_mass)
    counts = np.zeros(n, np.int64)
    codes = np.zeros((n, rules.most), np.int32)
    weights = np.zeros((n, rules.most), np.float32)
    met = np.zeros(n, np.float32)
    shoppers = np.zeros(n, np.int32)
    state = np.full((2, n), -1, np.int32)
    reached = np.empty(n, np.int32)
    for item in range(n):
        found = _meet(visits, rules, item, (met, shoppers, state, reached))
        touched = reached_places(shoppers, reached, found)
        # A meeting may be worth nothing: so old that it underflows, or backwards where that does not count.
        others = touched[met[touched] > 0]
        doubt = root_mass[others] * root_mass[item] + np.float32(rules.shrinkage)
        share = met[others] / doubt * np.where(shoppers[others] > 1, np.float32(1), np.float32(rules.lone))
        for other in touched:
            met[other], shoppers[other], state[0, other] = 0, 0, -1
        kept = largest(share, rules.most)
        counts[item] = len(kept)
        codes[item, : len(kept)] = others[kept]
        weights[item, : len(kept)] = share[kept]
    return counts, codes, weights


@compiled()
def _meet(visits: Visits, rules: Rules, item: int, row: tuple[Values, Codes, Codes, Codes]) -> int:
    """Add all meetings of `item` into `row` (sum, distinct shoppers, latest shopper and its count, reached)."""
    met, shoppers, state, reached = row
    found = 0
    for place in range(visits.item_starts[item], visits.item_starts[item + 1]):
        session = visits.item_sessions[place]
        shopper = visits.shoppers[session]
        for other_place in range(visits.starts[session], visits.starts[session + 1]):
            other = visits.items[other_place]
            if other == item:
                continue
            if shoppers[other] == 0:
                reached[found] = other
                found += 1
            if state[0, other] != shopper:
                state[0, other], state[1, other] = shopper, 0
                shoppers[other] += 1
            state[1, other] += 1
            away = visits.steps[other_place] - visits.item_steps[place]
            met[other] += visits.weights[session] * _worth(away, rules) / state[1, other]
    return found


@compiled()
def _worth(away: int, rules: Rules) -> float:
    """What a meeting counts when the other comes `away` steps after the item; 1 at one moment or the next."""
    if away >= 0:
        return float(rules.distance ** max(away - 1, 0))
    return float(rules.backward * rules.distance ** (-away - 1))
