"""Training rows with features as they were known: for each question the newest table cut at or before it.

A table at a cut holds only what had happened and arrived before the cut, so nothing from after a question can
reach it. The join is a union of table rows and questions and a running last value over each entity's time, since Spark
has no as-of join; a value older than the view's TTL is null.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import ibis
import pyarrow as pa

from feature_store.engines.engine import Expression
from feature_store.engines.tables import Tables
from feature_store.log.parts import DAY
from feature_store.views.feature_view import FeatureView, Scope
from recsys.errors import InputError

__all__ = ["history_of", "join_as_of", "training_rows"]

_CUT: Final = "feature_until"


def training_rows(
    view: FeatureView, questions: pa.Table, cuts: Sequence[int], tables: Callable[[int], Tables]
) -> pa.Table:
    """`questions` (the view's keys and `at`, ms) with the view's features and `feature_until`, null if unknown.

    `cuts` are the times at which features are computed; `tables` gives the shop as of one of them. Rows come
    ordered by `at` and keys.
    """
    if not cuts:
        raise InputError("give at least one cut at which features are computed")
    history = history_of(view, cuts, tables)
    engine = tables(max(cuts)).engine
    joined = join_as_of(view, engine.rows(history), engine.rows(questions))
    extra = [field for field in questions.schema if field.name not in (*view.keys, "at")]
    keys = [view.schema.field(name) for name in view.keys]
    features = [field for field in view.schema if field.name not in view.keys]
    schema = pa.schema([("at", pa.int64()), *keys, *extra, (_CUT, pa.int64()), *features])
    return engine.collect(joined, schema, ["at", *view.keys])


def history_of(view: FeatureView, cuts: Sequence[int], tables: Callable[[int], Tables]) -> pa.Table:
    """The view's tables at several cuts, one below the other, with the cut as `feature_until`."""
    parts = []
    for cut in sorted(set(cuts)):
        table = view.rows(Scope(tables(cut)))
        parts.append(table.append_column(_CUT, pa.array([cut] * table.num_rows, pa.int64())))
    return pa.concat_tables(parts)


def join_as_of(view: FeatureView, history: Expression, questions: Expression) -> Expression:
    """Each question with the features of its entity's newest row at or before it, within the TTL."""
    keys = list(view.keys)
    line = history.select(*keys, at=history[_CUT], found=history[_CUT]).mutate(asked=ibis.literal(0))
    asked = questions.select(*keys, at=questions["at"]).distinct()
    line = line.union(asked.mutate(found=ibis.null("int64"), asked=ibis.literal(1)))
    # At the same time the table's row comes first: a cut counts for questions from then on.
    running = ibis.window(
        group_by=[line[key] for key in keys],
        order_by=[line["at"], line.asked],
        preceding=None,
        following=0,
    )
    # Cuts ascend along the line, so their running maximum is the last one.
    line = line.mutate(newest=line.found.max().over(running)).filter(lambda row: row.asked == 1)
    fresh = line["at"] - line.newest <= view.ttl_days * DAY
    line = line.select(
        **{f"asked_{key}": line[key] for key in keys},
        asked_at=line["at"],
        newest=fresh.ifelse(line.newest, ibis.null("int64")),
    )
    found = questions.left_join(line, [*_same(questions, line, keys), questions["at"] == line.asked_at])
    found = found.drop(*(f"asked_{key}" for key in keys), "asked_at")
    renamed = history.rename({f"known_{key}": key for key in keys})
    conditions: list[Any] = [found[key] == renamed[f"known_{key}"] for key in keys]
    joined = found.left_join(renamed, [*conditions, found.newest == renamed[_CUT]])
    return joined.drop(*(f"known_{key}" for key in keys), "newest")


def _same(left: Expression, right: Expression, keys: Sequence[str]) -> list[Any]:
    return [left[key] == right[f"asked_{key}"] for key in keys]
