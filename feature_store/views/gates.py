"""Quality gates of a build: rows, nulls, drift, unknown ids, late events, each PASS, WARN or FAIL by thresholds.

Drift is the population stability index, PSI = Σ (p - q) · ln(p / q) over ten bins that hold equal shares of the last
build (Siddiqi, Credit Risk Scorecards, 2006): under 0.1 is little, over 0.25 a lot. Times are left out: they move on
by nature.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from feature_store.engines.engine import Expression
from feature_store.engines.tables import Tables
from feature_store.log.parts import DAY
from feature_store.verdicts import Status
from feature_store.views.feature_view import FeatureView
from recsys.config_files import config_path
from recsys.errors import ConfigError

__all__ = ["Gate", "LogFacts", "Thresholds", "gates", "load_thresholds", "log_facts", "psi"]

_BINS: Final = 10
_LEAST: Final = 1e-4
"""Share that an empty bin counts as, so that the logarithm exists."""


class _Bound(BaseModel):
    """Above `warn` a gate warns, above `fail` it fails."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warn: Annotated[float, Field(ge=0)]
    fail: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _in_order(self) -> "_Bound":
        if self.warn > self.fail:
            raise ValueError("warn must not be above fail")
        return self

    def judge(self, value: float) -> Status:
        """The verdict on a value."""
        if value > self.fail:
            return Status.FAIL
        return Status.WARN if value > self.warn else Status.PASS


class Thresholds(BaseModel):
    """The bounds of every gate, from `configs/features.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_change: _Bound
    nulls_rise: _Bound
    drift_psi: _Bound
    unknown_items: _Bound
    late_events: _Bound


@dataclass(frozen=True, slots=True)
class Gate:
    """One verdict: the value that was judged and what it says."""

    name: str
    status: Status
    value: float
    message: str


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the log before the cut is like: known events, those that name an item, an unknown one, came late."""

    events: int
    citing: int
    unknown: int
    late: int


def load_thresholds(path: Path | None = None) -> Thresholds:
    """The thresholds in a TOML file (None: the shipped one); ConfigError says what is wrong with it."""
    file = path or config_path("features.toml")
    try:
        return Thresholds.model_validate(tomllib.loads(file.read_text("utf-8")).get("gates", {}))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file.name}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{file.name}: gates.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def log_facts(tables: Tables) -> LogFacts:
    """Counted once per build. Late is what arrived more than a day after it had happened."""
    facts = tables.facts(late=True)
    resolved = tables.resolved(facts, consenting=False)
    known = tables.items().select(known_id="item_id")
    joined = resolved.left_join(known, resolved.item_id == known.known_id)
    cites = joined.item_id.notnull()
    counts: Expression = joined.aggregate(
        events=joined.count(),
        citing=cites.cast("int64").sum().fill_null(0),
        unknown=(cites & joined.known_id.isnull()).cast("int64").sum().fill_null(0),
        late=(joined.known_at - joined.timestamp > DAY).cast("int64").sum().fill_null(0),
    )
    schema = pa.schema([(name, pa.int64()) for name in LogFacts.__slots__])
    return LogFacts(**tables.engine.collect(counts, schema, ["events"]).to_pylist()[0])


def gates(
    view: FeatureView, table: pa.Table, before: pa.Table | None, log: LogFacts, bounds: Thresholds
) -> list[Gate]:
    """The verdicts on a new table beside the last one (None: this is the first)."""
    return [*_against(view, table, before, bounds), *_of_log(log, bounds)]


def _of_log(log: LogFacts, bounds: Thresholds) -> Iterator[Gate]:
    unknown, late = log.unknown / max(log.citing, 1), log.late / max(log.events, 1)
    yield Gate(
        "unknown_items",
        bounds.unknown_items.judge(unknown),
        unknown,
        f"{log.unknown:,} of {log.citing:,} events",
    )
    yield Gate("late_events", bounds.late_events.judge(late), late, f"{log.late:,} of {log.events:,} events")


def _against(
    view: FeatureView, table: pa.Table, before: pa.Table | None, bounds: Thresholds
) -> Iterator[Gate]:
    if before is None or before.num_rows == 0:
        yield Gate("rows_change", Status.PASS, 0.0, f"{table.num_rows:,} rows, the first build")
        return
    change = abs(table.num_rows - before.num_rows) / before.num_rows
    verdict = bounds.rows_change.judge(change) if table.num_rows else Status.FAIL
    yield Gate("rows_change", verdict, change, f"{before.num_rows:,} → {table.num_rows:,} rows")
    if table.num_rows == 0:
        return
    rises = {
        feature.name: _nulls(table, feature.name) - _nulls(before, feature.name) for feature in view.features
    }
    yield _worst("nulls_rise", rises, bounds.nulls_rise)
    drifts = {
        feature.name: psi(_numbers(before, feature.name), _numbers(table, feature.name))
        for feature in view.features
        if feature.kind not in ("time", "text")
    }
    yield _worst("drift_psi", drifts, bounds.drift_psi)


def _worst(name: str, values: Mapping[str, float], bound: _Bound) -> Gate:
    feature = max(values, key=lambda key: (values[key], key))
    return Gate(name, bound.judge(values[feature]), values[feature], f"most in {feature}")


def _nulls(table: pa.Table, name: str) -> float:
    return float(table[name].null_count / table.num_rows)


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = pc.drop_null(table[name]).cast(pa.float64()).to_numpy()
    return values


def psi(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Population stability index of two samples; 0 when either is empty. Equal edges become one bin."""
    if not len(before) or not len(after):
        return 0.0
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    p, q = (
        np.maximum(
            np.bincount(np.searchsorted(edges, sample, "left"), minlength=len(edges) + 1) / len(sample),
            _LEAST,
        )
        for sample in (after, before)
    )
    return float(np.sum((p - q) * np.log(p / q)))
