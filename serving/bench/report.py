"""What the bench prints and writes."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from serving.bench.generator import saturating_tool
from serving.bench.marks import machine
from serving.bench.measure import Load, Run, SystemFigures
from serving.bench.processes import Cores

__all__ = ["plain", "show"]

_TARGETS_SAY: Final = 100_000
"""The catalogue size that targets are stated for; its run comes first in the JSON."""


def plain(runs: Sequence[Run], load: Load, cores: Cores) -> dict[str, Any]:
    """Everything that was measured; at the top the figures of the run nearest to a hundred thousand items."""
    headline = min(runs, key=lambda run: abs(run.items - _TARGETS_SAY))
    return {
        **_run(headline),
        "runs": [_run(run) for run in runs],
        "load": asdict(load),
        "load_generator": {"saturation": saturating_tool(), "latency": "bundled"},
        "machine": machine(cores),
    }


def show(console: Console, run: Run) -> None:
    """One run as tables: the three systems, then ours stage by stage."""
    kind = "synthetic" if run.synthetic else "real"
    table = Table("", *run.systems, title=f"{run.items:,} items ({kind} release {run.release_id})")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, read in _ROWS:
        table.add_row(name, *(read(figures) for figures in run.systems.values()))
    console.print(table)
    for other in ("floor", "peer"):
        by_cpu = f"{run.cpu_ratio(other):.3f} by CPU time"
        console.print(f"ours / {other}: {run.ratio(other):.3f} in requests/s, {by_cpu}")
    console.print(f"empty lists among {run.probes} probes: {run.empty_lists}")
    console.print(f"answers by fallback: {_counts(run.answers)}; degraded: {_counts(run.degraded)}")
    stages = Table("stage or source", "ms per request", title="ours at half of saturation")
    for stage, spent in run.stages_ms.items():
        stages.add_row(stage, f"{spent:.3f}")
    stages.add_row("outside of stages", f"{run.outside_ms:.3f}")
    console.print(stages)


def _run(run: Run) -> dict[str, Any]:
    ours, half = run.systems["ours"], run.systems["ours"].half
    return {
        "items": run.items,
        "release_id": run.release_id,
        "synthetic": run.synthetic,
        "ratio_to_floor": run.ratio("floor"),
        "ratio_to_peer": run.ratio("peer"),
        "cpu_ratio_to_floor": run.cpu_ratio("floor"),
        "cpu_ratio_to_peer": run.cpu_ratio("peer"),
        "requests_per_s": ours.per_s,
        "p50_ms": half.p50_ms if half else None,
        "p90_ms": half.p90_ms if half else None,
        "p99_ms": half.p99_ms if half else None,
        "cpu_ms_per_request": ours.cpu_ms,
        "core_share": ours.core_share,
        "cpu_ms_by_stage": run.stages_ms,
        "cpu_ms_outside_stages": run.outside_ms,
        "start_to_ready_s": ours.start_s,
        "resident_mb": ours.memory.resident_mb if ours.memory else None,
        "private_mb": ours.memory.private_mb if ours.memory else None,
        "errors": ours.errors,
        "answered_in_part": ours.degraded,
        "answers_by_fallback": run.answers,
        "degraded": run.degraded,
        "empty_lists": run.empty_lists,
        "probes": run.probes,
        "systems": {name: _system(figures) for name, figures in run.systems.items()},
    }


def _system(figures: SystemFigures) -> dict[str, Any]:
    return {
        "start_to_ready_s": figures.start_s,
        "requests_per_s": figures.per_s,
        "cpu_ms_per_request": figures.cpu_ms,
        "cpu_ms_per_request_at_half": figures.half_cpu_ms,
        "core_share": figures.core_share,
        "errors": figures.errors,
        "answered_in_part": figures.degraded,
        "memory": asdict(figures.memory) if figures.memory else None,
        "saturation": [asdict(each) for each in figures.saturation],
        "half": asdict(figures.half) if figures.half else None,
    }


def _latency(name: str, figures: SystemFigures) -> str:
    return f"{getattr(figures.half, name):.2f}" if figures.half else "-"


def _mb(name: str, figures: SystemFigures) -> str:
    return f"{getattr(figures.memory, name):.0f}" if figures.memory else "-"


def _busiest_client(figures: SystemFigures) -> str:
    return f"{max(each.client_cpu_share for each in figures.saturation):.2f}"


def _counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {count:g}" for name, count in counts.items()) or "none"


_ROWS: Final = (
    ("requests/s at saturation", lambda each: f"{each.per_s:,.0f}"),
    ("CPU ms per request", lambda each: f"{each.cpu_ms:.3f}"),
    ("requests/s at half", lambda each: f"{each.half.per_s:,.0f}" if each.half else "-"),
    ("  p50 ms", lambda each: _latency("p50_ms", each)),
    ("  p90 ms", lambda each: _latency("p90_ms", each)),
    ("  p99 ms", lambda each: _latency("p99_ms", each)),
    ("  CPU ms per request", lambda each: f"{each.half_cpu_ms:.3f}"),
    ("resident MB", lambda each: _mb("resident_mb", each)),
    ("private MB", lambda each: _mb("private_mb", each)),
    ("start to ready s", lambda each: f"{each.start_s:.2f}"),
    ("errors", lambda each: _counts(each.errors)),
    ("answered in part", lambda each: f"{each.degraded:,}"),
    ("its share of a core at saturation", lambda each: f"{each.core_share:.2f}"),
    ("load generator's share of a core", _busiest_client),
)
