"""Why a shopper has these values: the events that went in, what each counts, and the values they give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from feature_store.engines.tables import Tables
from feature_store.log.parts import DAY
from feature_store.views.daily import DAILY
from feature_store.views.feature_view import FeatureView, Scope
from recsys.errors import InputError

__all__ = ["Explanation", "explain"]

_SHOWN = pa.schema(
    [
        ("event_id", pa.string()),
        ("type", pa.string()),
        ("timestamp", pa.int64()),
        ("known_at", pa.int64()),
        ("shopper", pa.string()),
        ("item_id", pa.string()),
        ("order_key", pa.string()),
        ("units", pa.float64()),
        ("amount", pa.float64()),
        ("discount", pa.float64()),
        ("age", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rows` of the view for a shopper and the `events` they were made of, newest last; `age` is in days.

    The rows are computed from these events alone, as a build computes them from all.
    """

    view: str
    shopper: str
    until: int
    rows: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]


def explain(view: FeatureView, tables: Tables, shopper: str) -> Explanation:
    """The view's values for a shopper, whom any of their merged ids names.

    Raises InputError for a view of items alone: no shopper stands behind its values.
    """
    if not view.personal:
        raise InputError(f"view {view.name!r} is about items, not about one shopper")
    alone = replace(tables, shopper=shopper)
    since = None if view.window_days is None else tables.until - view.window_days * DAY
    counted = DAILY[view.dailies[0]].prepare(alone.facts(since))
    facts = alone.resolved(counted)
    newest = (tables.until - tables.offset) // DAY - 1
    events = tables.engine.collect(facts.mutate(age=newest - facts.day), _SHOWN, ["timestamp", "event_id"])
    rows = view.rows(Scope(alone))
    return Explanation(view.name, shopper, tables.until, rows.to_pylist(), events.to_pylist())
