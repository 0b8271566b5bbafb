"""The small words views are written in: sums over windows of days, shares, the strongest of several."""

from collections.abc import Iterable
from typing import Any, Final

import ibis

from feature_store.engines.engine import Expression

__all__ = ["WINDOWS", "count_in", "fading", "ratio", "real", "sum_in", "top"]

WINDOWS: Final = (1, 7, 30, 90, 365)
"""Days that end at the cut."""


def real(values: Any) -> Any:
    """As float64: engines disagree on what a quotient or a literal is."""
    return values.cast("float64")


def count_in(rows: Expression, measure: str, days: int | None = None, kind: str | None = None) -> Any:
    """A whole measure added up over the last `days`, of one event type if given; 0 where there is none."""
    return _added(rows, measure, days, kind).fill_null(0)


def sum_in(rows: Expression, measure: str, days: int | None = None, kind: str | None = None) -> Any:
    """A real measure added up, as `count_in`."""
    return real(_added(rows, measure, days, kind).fill_null(0))


def _added(rows: Expression, measure: str, days: int | None, kind: str | None) -> Any:
    conditions = [] if days is None else [rows.age < days]
    conditions += [] if kind is None else [rows.type == kind]
    if not conditions:
        return rows[measure].sum()
    where = conditions[0]
    for condition in conditions[1:]:
        where = where & condition
    return rows[measure].sum(where=where)


def ratio(part: Any, whole: Any) -> Any:
    """`part / whole`, null where the whole is 0."""
    return real(part) / real(whole).nullif(0.0)


def fading(rows: Expression, half_life_days: float) -> Any:
    """Weight of a day: 1 on the newest, half after `half_life_days`."""
    return (real(rows.age) * ibis.literal(-0.6931471805599453 / half_life_days, type="float64")).exp()


def top(rows: Expression, by: Iterable[str], score: str, tie: str, keep: int = 1) -> Expression:
    """The `keep` rows with the highest score per `by`; of equals the smallest `tie`, so the order is total."""
    order = [rows[score].desc(), rows[tie].asc()]
    place = ibis.row_number().over(ibis.window(group_by=[rows[name] for name in by], order_by=order))
    ranked = rows.mutate(place=place)
    return ranked.filter(ranked.place < keep).drop("place")
