"""The answer of a finished ranking: the list, its reasons, what it fell back on, and where everything else went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from recsys.query import Answer, FeatureRows, Query, Reason, Searched, Trace, WhyNot
from recsys.ranking.blend import Blend
from recsys.ranking.blend_kernel import anything_said
from recsys.ranking.order import Ranking, Rows
from recsys.ranking.order_kernel import columns_of
from recsys.ranking.reasons import reasons
from recsys.ranking.slots import SHELF_REASONS, slot_of
from recsys.retrieval.gates import Gates
from recsys.retrieval.source import Codes, Scores, Taste

__all__ = ["Work", "answer"]

_HELD_BACK: Final = "seen_before"
_GONE: Final = "gone_meanwhile"
_BEHIND: Final = 10
"""Items behind the list whose features are logged too: what competed and lost."""


@dataclass(frozen=True)
class Work:
    """Everything a request produced on its way."""

    query: Query
    taste: Taste
    gates: Gates
    scores: Mapping[str, Scores]
    proposals: Mapping[str, Codes]
    ranking: Ranking
    blend: Blend
    held_back: int = 0
    """Items at the ranking's end that are there because the slot shows only so many seen ones."""
    features: FeatureRows | None = None
    """Of all candidates, where they are to be logged."""
    gone: Codes = field(default_factory=lambda: np.empty(0, np.int32))
    """Candidates that were sold out, hidden or removed while the request was answered."""


def answer(work: Work) -> Answer:
    """Cut the list and account for every item of the catalogue."""
    query, ranking = work.query, work.ranking
    shown = ranking.head(query.num)
    logged = query.num + min(query.num, _BEHIND)
    return Answer(
        items=shown.codes,
        scores=shown.scores,
        reasons=_reasons(work, shown),
        fallback_used=_fallback(work, shown),
        notices=_notices(work, len(shown)),
        counts=_counts(work, len(shown)),
        not_shown=ranking.codes[query.num : 2 * query.num],
        traces=_traces(work, shown) if query.explain else (),
        proposed={name: len(codes) for name, codes in work.proposals.items()},
        searched={name: Searched(plan.search, plan.share) for name, plan in work.gates.plans.items()},
        why_not=None if query.why_not is None else _why_not(work, query.why_not),
        logged=None if work.features is None else _logged(work.features, ranking.rows[:logged]),
    )


def _logged(features: FeatureRows, rows: Rows) -> FeatureRows:
    """Those of some rows that competed, in their order."""
    competed = rows[rows >= 0]
    return FeatureRows(features.codes[competed], columns_of(features.matrix, competed))


def _reasons(work: Work, shown: Ranking) -> tuple[Reason, ...]:
    shelf = SHELF_REASONS.get(slot_of(work.query))
    if shelf is not None:
        return tuple([Reason(shelf, code) for code in shown.codes.tolist()])
    weights = work.blend.weights(shown.said.names, related=work.taste.related)
    from_attributes = not len(work.taste.own)
    return reasons(shown, weights, work.scores, work.query.history, from_attributes=from_attributes)


def _fallback(work: Work, shown: Ranking) -> str | None:
    """The level that carried the list, when it is not what was asked for."""
    if slot_of(work.query) in SHELF_REASONS:
        return None
    asked_related = work.query.related is not None
    if len(work.taste.own):
        if asked_related and not work.taste.related:
            return "session"
        names = shown.said.names
        wanted = names.index("trending") if "trending" in names else -1
        return None if not len(shown) or anything_said(shown.said.values, shown.rows, wanted) else "category"
    return "segment" if work.taste.vector is not None else "trending"


def _notices(work: Work, shown: int) -> tuple[str, ...]:
    if shown >= work.query.num:
        return ()
    return ("empty_by_filter",) if not shown and work.gates.emptied_by_filter() else ("short_list",)


def _counts(work: Work, shown: int) -> dict[str, int]:
    """Items of the catalogue by the bucket they ended in, in the order of the way."""
    counts = work.gates.counts
    ranked = len(work.ranking)
    counts["not_proposed"] = len(work.gates.allowed) - ranked - len(work.gone)
    if len(work.gone):
        counts[_GONE] = len(work.gone)
    held_back = min(work.held_back, ranked - shown)
    counts["ranked_below"] = ranked - shown - held_back
    if held_back:
        counts[_HELD_BACK] = held_back
    counts["shown"] = shown
    return counts


def _traces(work: Work, shown: Ranking) -> tuple[Trace, ...]:
    ranks = {
        name: {code: rank for rank, code in enumerate(codes.tolist(), 1)}
        for name, codes in work.proposals.items()
    }
    return tuple(
        Trace(
            {name: places[code] for name, places in ranks.items() if code in places},
            {name: float(values[row]) for name, values in shown.features.items()},
            float(shown.scores[row]),
            float(shown.boosts[row]),
        )
        for row, code in enumerate(shown.codes.tolist())
    )


def _why_not(work: Work, code: int) -> WhyNot:
    gate = work.gates.stage(code)
    if gate is not None:
        return WhyNot(gate)
    places = np.flatnonzero(work.ranking.codes == code)
    if not len(places):
        return WhyNot(_GONE if (work.gone == code).any() else "not_proposed")
    place = int(places[0])
    if place < work.query.num:
        stage = "shown"
    else:
        held_back = place >= len(work.ranking) - work.held_back
        stage = _HELD_BACK if held_back else "ranked_below"
    return WhyNot(stage, place + 1, float(work.ranking.scores[place]))
