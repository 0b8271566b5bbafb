"""A question to the pipeline and its answer: codes inside, no wire names, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from recsys.expressions import Expression
from recsys.history import EMPTY_HISTORY, History
from recsys.types import Scalar

__all__ = [
    "SLOTS",
    "Answer",
    "FeatureRows",
    "Personalization",
    "Query",
    "Reason",
    "Searched",
    "Slot",
    "Trace",
    "WhyNot",
]

Codes = npt.NDArray[np.int32]
Personalization = Literal["full", "session", "none"]
Slot = Literal["any", "home", "buy-again", "continue"]
SLOTS: Final[tuple[Slot, ...]] = get_args(Slot)
_NO_CODES = np.empty(0, np.int32)


@dataclass(frozen=True, kw_only=True)
class Query:
    """One list for one shopper."""

    as_of: int
    """The clock (ms): promotions and eligibility are those of this moment."""
    num: int = 20
    slot: Slot = "any"
    """The place whose rule holds (`recsys.ranking.slots`); `any` has none, and a related list never has one."""
    history: History = EMPTY_HISTORY
    asked_at: int = 0
    """When the shopper asks (ms), where that is known. Else it is right after the newest event of the history, and
    never before the end of what the release knows: nobody could ask it earlier (docs/decisions/0021)."""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    """What is known of the shopper (`user.*` of filters, taste without events)."""
    related: Codes | None = None
    """Items the list shall be related to (a page, a cart); unknown ones left out. None = guess you like."""
    filter: Expression | None = None
    exclude: Codes = field(default_factory=lambda: _NO_CODES)
    boosts: tuple[tuple[Expression, float], ...] = ()
    diversity: float = 0.0
    sources: tuple[str, ...] | None = None
    """Only these sources (a shelf's strategy); None = all."""
    fill: bool = True
    """Whether trending items complete a short list."""
    personalization: Personalization = "full"
    """`session` ignores attributes, `none` ignores the shopper altogether."""
    explain: bool = False
    why_not: int | None = None
    """An item code to account for."""
    log_features: bool = False
    """Whether the answer carries what a ranker sees of the shown items (`Answer.logged`)."""


class Reason(NamedTuple):
    """Why an item is in the list."""

    code: str
    """bought_before | viewed_before | taste | together | alike | segment | trending."""
    source_item: int = -1
    """The shopper's item that speaks for it; -1 when none does."""


@dataclass(frozen=True)
class Trace:
    """How one listed item came about."""

    source_ranks: Mapping[str, int]
    """Rank from 1 in each source that proposed it."""
    features: Mapping[str, float]
    score: float
    boost: float


@dataclass(frozen=True)
class WhyNot:
    """Where an item left the way; `stage` is one of the buckets of `Answer.counts` or `unknown_item`."""

    stage: str
    rank: int | None = None
    """Rank from 1 where it was scored."""
    score: float | None = None


@dataclass(frozen=True)
class Searched:
    """How a source of vectors went through its index (`recsys.retrieval.index_facts.Plan`)."""

    search: str
    """exact | flat | ivf."""
    share: float
    """Items it was allowed to find, of all."""


@dataclass(frozen=True)
class FeatureRows:
    """What a ranker sees of some items, made with everything that competed with them."""

    codes: Codes
    """int32[c], distinct."""
    matrix: npt.NDArray[np.float32]
    """float32[features, c] (`recsys.ranking.features.FEATURES`)."""


@dataclass(frozen=True)
class Answer:
    """A ranked list of at most `num` distinct items."""

    items: Codes
    scores: npt.NDArray[np.float32]
    reasons: tuple[Reason, ...]
    fallback_used: str | None
    """None when the list is the shopper's own; else segment | category | trending."""
    notices: tuple[str, ...]
    """short_list | empty_by_filter."""
    counts: Mapping[str, int]
    """Every catalogue item ends in exactly one bucket; they add up to the catalogue."""
    not_shown: Codes
    """The best scored items behind the list (at most as many as were shown)."""
    traces: tuple[Trace, ...] = ()
    proposed: Mapping[str, int] = field(default_factory=dict)
    """Items that each source that was asked proposed."""
    searched: Mapping[str, Searched] = field(default_factory=dict)
    """Asked for by `Query.explain`: by source of vectors."""
    why_not: WhyNot | None = None
    logged: FeatureRows | None = None
    """Asked for by `Query.log_features`: the shown items that competed by features and the first few behind them; None
    where no shopper's past was looked at, and so nothing a ranker could learn from."""
