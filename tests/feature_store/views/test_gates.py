"""Gates: PSI against its formula, thresholds from the file, the verdict of each on planted changes."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_store.verdicts import Status
from feature_store.views.gates import Gate, LogFacts, gates, load_thresholds, psi
from feature_store.views.standard import VIEWS
from recsys.errors import ConfigError

VIEW = VIEWS["user_brand"]
QUIET = LogFacts(events=100, citing=100, unknown=0, late=0)


def table(shares: list[float | None]) -> pa.Table:
    columns = {field.name: pa.nulls(len(shares), field.type) for field in VIEW.schema}
    columns["share"] = pa.array(shares, pa.float64())
    return pa.table(columns, schema=VIEW.schema)


def verdicts(before: pa.Table | None, after: pa.Table, log: LogFacts = QUIET) -> dict[str, Gate]:
    return {gate.name: gate for gate in gates(VIEW, after, before, log, load_thresholds())}


def test_psi_is_nothing_for_equal_samples_and_its_formula_for_others() -> None:
    sample = np.arange(100.0)
    assert psi(sample, sample) == 0.0
    # Two values, half and half before, three to one after: one edge, two bins.
    before, after = np.array([0.0, 1.0] * 50), np.array([0.0, 0.0, 0.0, 1.0] * 25)
    expected = (0.75 - 0.5) * math.log(0.75 / 0.5) + (0.25 - 0.5) * math.log(0.25 / 0.5)
    assert psi(before, after) == pytest.approx(expected)
    assert psi(np.array([]), sample) == 0.0


def test_the_first_build_has_nothing_to_differ_from() -> None:
    found = verdicts(None, table([0.5]))
    assert found["rows_change"].status is Status.PASS
    assert "drift_psi" not in found


def test_lost_rows_new_nulls_and_drift_are_seen_and_named() -> None:
    before = table(list(np.linspace(0, 1, 100)))
    assert verdicts(before, table([]))["rows_change"].status is Status.FAIL
    assert verdicts(before, table([0.1] * 60))["rows_change"].status is Status.WARN
    nulls = verdicts(before, table([None] * 80 + [0.5] * 20))["nulls_rise"]
    assert (nulls.status, nulls.value, nulls.message) == (Status.FAIL, pytest.approx(0.8), "most in share")
    drift = verdicts(before, table(list(np.linspace(0.9, 1, 100))))["drift_psi"]
    assert (drift.status, drift.message) == (Status.FAIL, "most in share")
    assert verdicts(before, before)["drift_psi"].status is Status.PASS


def test_unknown_items_and_late_events_are_judged_by_their_share() -> None:
    found = verdicts(None, table([]), LogFacts(events=100, citing=50, unknown=30, late=6))
    assert (found["unknown_items"].status, found["unknown_items"].value) == (Status.FAIL, 0.6)
    assert (found["late_events"].status, found["late_events"].value) == (Status.WARN, 0.06)


def test_wrong_thresholds_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = (Path(__file__).parents[3] / "configs" / "features.toml").read_text("utf-8")
    path.write_text(text.replace("{ warn = 0.25, fail = 2.0 }", "{ warn = 3.0, fail = 2.0 }"), "utf-8")
    with pytest.raises(ConfigError, match=r"gates\.drift_psi"):
        load_thresholds(path)
    path.write_text("[gates", "utf-8")
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        load_thresholds(path)
