"""A comparison as one HTML page that needs nothing else: no script, no font, no style from anywhere.

Invariants: every word that comes from a shop is escaped; no shopper's id is on the page; colours are never the
only sign of a meaning.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from recsys.errors import InputError
from recsys.metrics import Interval
from training.compare import Comparison
from training.config import GateConfig
from training.exam import Part
from training.figures import asked_of, format_interval
from training.gate import against_figures
from training.split import day

__all__ = ["render", "write_report"]

_TEMPLATE: Final = "comparison.html.jinja"
_TITLES: Final = {
    "all": "all items",
    "new": "items new to the shopper",
    "touched": "everything touched in the window",
}
_WIDTH: Final = 140
_HEIGHT: Final = 90


def write_report(comparison: Comparison, gate: GateConfig, path: Path) -> Path:
    """Write the page and return its absolute path; raises InputError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(comparison, gate), "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    return path.absolute()


def render(comparison: Comparison, gate: GateConfig) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "chance": lambda p: "–" if math.isnan(p) else f"{p:.2g}",
        "interval": lambda value, signed: format_interval(value, signed=signed),
        "number": lambda value: "–" if value is None or math.isnan(value) else f"{value:.4f}",
        "percent": lambda share: "–" if math.isnan(share) else f"{share:+.1%}",
        "place": _place,
    }
    return environment.get_template(_TEMPLATE).render(page=_page(comparison, gate))


def _page(comparison: Comparison, gate: GateConfig) -> dict[str, Any]:
    counts = comparison.overlap_counts()
    return {
        "challenger": comparison.challenger.release_id,
        "champion": comparison.champion.release_id,
        "asked": _asked(comparison),
        "reasons": against_figures(comparison, gate),
        "metric": gate.metric,
        "least_shoppers": gate.least_shoppers,
        "significance": gate.significance,
        "parts": [_part(comparison, part, gate) for part in comparison.exam.parts],
        "overlap": comparison.overlap,
        "overlap_text": _overlap_text(counts),
        "bars": [(count, round(_HEIGHT * count / max(1, *counts))) for count in counts],
        "examples": comparison.examples,
        "example_metric": f"ndcg@{comparison.exam.longest}",
        "facts": list(_facts(comparison)),
        "config": [(name, _json(a), _json(b)) for name, (a, b) in comparison.changed_config().items()],
    }


def _asked(comparison: Comparison) -> str:
    exam = comparison.exam
    if exam.split.protocol == "leave_one_out":
        return "Asked about one event of each shopper that was held out"
    return f"Asked about {exam.split.days:.1f} days from {day(exam.split.cut)}, protocol {exam.protocol}"


def _part(comparison: Comparison, part: Part, gate: GateConfig) -> dict[str, Any]:
    differences = {metric: comparison.difference(metric, part) for metric in comparison.metrics()}
    figures = [
        {
            "name": metric,
            "challenger": comparison.challenger.scores[part].interval(metric),
            "champion": comparison.champion.scores[part].interval(metric),
            "difference": difference,
        }
        for metric, difference in differences.items()
    ]
    changes = comparison.slice_changes(part, gate)
    return {
        "title": _TITLES[part],
        "asked": asked_of(comparison.exam.questions[part]),
        "figures": figures,
        "scale": _scale(differences.values()),
        "beyond": comparison.beyond(part),
        "slices": changes,
        "slice_scale": _scale(change.difference for change in changes),
    }


def _facts(comparison: Comparison) -> Iterable[tuple[str, str, str]]:
    """Name, challenger's, champion's: cost first, then where each came from."""
    sides = (comparison.challenger, comparison.champion)
    ours, theirs = (side.cost for side in sides)
    yield "CPU time of a list", f"{ours.cpu_ms:.2f} ms", f"{theirs.cpu_ms:.2f} ms"
    yield "size on disk", _mebibytes(ours.size_bytes), _mebibytes(theirs.size_bytes)
    for name, key in (("first event", "first"), ("last event", "last"), ("fitted until", "until")):
        first, second = (_time(side.data()[key]) for side in sides)
        yield name, first, second
    for name, key in (("events", "events"), ("hash of the data", "hash")):
        first, second = (_plain(side.data()[key]) for side in sides)
        yield name, first, second
    first, second = (_time(side.data()["asked_until"]) for side in sides)
    yield "what sat the exam was fitted until", first, second
    first, second = (_time(side.manifest.created_at) for side in sides)
    yield "made", first, second
    yield "code", sides[0].manifest.code_version, sides[1].manifest.code_version


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"


def _time(value: object) -> str:
    """A time in ms as UTC text; anything else is unknown."""
    if not isinstance(value, int):
        return "–"
    return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _plain(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "–" if value is None else str(value)


def _json(value: object) -> str:
    return "–" if value is None else orjson.dumps(value).decode()


def _overlap_text(counts: Sequence[int]) -> str:
    """The histogram in words, for who cannot see it."""
    return "; ".join(f"{10 * place}-{10 * place + 10} %: {count}" for place, count in enumerate(counts))


def _scale(changes: Iterable[Interval]) -> float:
    """The largest bound, so that every interval of a table fits the same axis; 1 where all are zero."""
    bounds = [abs(bound) for change in changes for bound in (change.low, change.high)]
    return max((bound for bound in bounds if not math.isnan(bound)), default=0.0) or 1.0


def _place(value: float, scale: float) -> float:
    """Where a difference lies on an axis of 140 units with zero in the middle."""
    share = 0.0 if math.isnan(value) else value / scale
    return round(_WIDTH / 2 + (_WIDTH / 2 - 6) * share, 1)
