"""Items that go together: for each item, the ones most often in the same session or basket, what came later first.

Weight of a pair = sum over shared sessions of decay / log2(1 + size) × closeness, divided by the geometric mean of
both items' own sums plus a shrinkage: large sessions say little about each pair, popular items are not everybody's
neighbour, and a pair met once is no evidence. Closeness is 1 for what came at the same moment or next, falls with each
moment between, and what came before counts a part of it; so sessions are directed and baskets, which have one moment,
symmetric, without anybody saying which is which.

Nobody's visits count twice in full: the k-th meeting of a pair by one shopper counts 1/k, a pair only one shopper ever
made counts a part, and the sessions of a day far busier than usual (a campaign, a bot) weigh together what a busy day
weighs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.interactions import Interactions
from recsys.models.neighbour_lists import NeighbourLists, best_of_rows
from recsys.weights import DAY_MS, busy_share

if TYPE_CHECKING:
    from recsys.models.covisitation_kernel import Visits

__all__ = ["Covisitation", "CovisitationConfig"]

Codes = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]

_BUSY_DAY: Final = 3.0
"""Times the sessions of the median day that one day may weigh."""
_BUSY_SHOPPER: Final = 3.0
"""Times the sessions of the median shopper that one shopper may weigh."""


class CovisitationConfig(BaseModel):
    """Parameters of the counting."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    neighbours: int = Field(default=100, ge=1, le=1000)
    """Kept per item."""
    half_life_days: float = Field(default=90.0, gt=0)
    """Days after which a session counts half."""
    largest_session: int = Field(default=100, ge=2)
    """Of larger sessions the earliest items are counted: bulk orders and bots say nothing about pairs."""
    shrinkage: float = Field(default=10.0, ge=0)
    """Sessions' worth of doubt added below every pair."""
    distance: float = Field(default=0.8, gt=0, le=1)
    """Closeness kept per moment between two items of a session."""
    backward: float = Field(default=0.8, ge=0, le=1)
    """Worth of an item that came before, relative to one that came after."""
    lone: float = Field(default=0.5, gt=0, le=1)
    """Worth of a pair that only one shopper ever made."""


@dataclass(frozen=True)
class Covisitation(NeighbourLists):
    """Neighbour lists: from an item to what is met with it."""

    @classmethod
    def fit(cls, interactions: Interactions, config: CovisitationConfig) -> Self:
        """Count pairs in `interactions` (positive events only; what was taken back already left out)."""
        from recsys.models.covisitation_kernel import Rules, neighbours  # serving never counts

        visits = _visits(interactions, config)
        rules = Rules(config.distance, config.backward, config.lone, config.shrinkage, config.neighbours)
        counts, codes, weights = neighbours(visits, np.sqrt(_mass(visits)), rules)
        used = np.arange(codes.shape[1]) < counts[:, None]
        indptr = np.concatenate(([0], np.cumsum(counts)))
        rows = sparse.csr_array((weights[used], codes[used], indptr), shape=(len(counts), len(counts)))
        return cls(*best_of_rows(rows, config.neighbours))


def _visits(interactions: Interactions, config: CovisitationConfig) -> "Visits":
    """Each session's distinct items by first moment, sessions of one shopper beside each other."""
    from recsys.models.covisitation_kernel import Visits

    rows, step = _first_moments(interactions)
    session = interactions.session[rows]
    head = np.flatnonzero(np.append(True, session[1:] != session[:-1])[: len(rows)])
    sizes = np.diff(np.append(head, len(rows)))
    within = np.arange(len(rows)) - np.repeat(head, sizes)
    kept = within < config.largest_session
    dense = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[kept]
    item, step = interactions.item[rows[kept]], step[kept]
    by_item = np.argsort(item, kind="stable")
    sizes = np.minimum(sizes, config.largest_session)
    shoppers = interactions.user[rows[head]]
    moments = interactions.time[rows[head]], interactions.end
    return Visits(
        starts=_offsets(sizes),
        items=item,
        steps=step,
        shoppers=shoppers,
        weights=_session_weights(moments, shoppers, sizes, config.half_life_days),
        item_starts=_offsets(np.bincount(item, minlength=len(interactions.items))),
        item_sessions=dense[by_item],
        item_steps=step[by_item],
    )


def _mass(visits: "Visits") -> npt.NDArray[np.float32]:
    """Each item's own sum float32[n], a shopper's every visit in full: pushing an item makes it popular, not near."""
    worth = np.repeat(visits.weights, np.diff(visits.starts))
    mass: npt.NDArray[np.float32] = np.bincount(
        visits.items, weights=worth, minlength=len(visits.item_starts) - 1
    ).astype(np.float32)
    return mass


def _first_moments(interactions: Interactions) -> tuple[Places, npt.NDArray[np.int32]]:
    """Row of each session's items' first events, by (shopper, session, time), and the moments before each."""
    order = np.lexsort((interactions.item, interactions.time, interactions.session, interactions.user))
    session, time = interactions.session[order], interactions.time[order]
    opens = np.append(True, session[1:] != session[:-1])[: len(order)]
    moment = np.cumsum(opens | np.append(True, time[1:] != time[:-1])[: len(order)])
    step = moment - moment[np.flatnonzero(opens)][np.cumsum(opens) - 1]
    pair = session.astype(np.int64) * len(interactions.items) + interactions.item[order]
    first = np.sort(np.unique(pair, return_index=True)[1])
    return order[first], step[first].astype(np.int32)


def _session_weights(
    moments: tuple[npt.NDArray[np.int64], int], shoppers: Codes, sizes: Places, half_life_days: float
) -> npt.NDArray[np.float32]:
    """Fading × size × the shares left to the sessions of busy days and shoppers; `moments`: times and the newest."""
    times, newest = moments
    ages = (newest - times) / (half_life_days * DAY_MS)
    share = busy_share(times // DAY_MS, _BUSY_DAY) * busy_share(shoppers, _BUSY_SHOPPER)
    weights: npt.NDArray[np.float32] = (np.exp2(-ages) / np.log2(1.0 + sizes) * share).astype(np.float32)
    return weights


def _offsets(counts: Places) -> Places:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
