"""Pictures of an evaluation for MLflow: systems side by side with intervals, and the release by slice.

Invariants: drawn off screen; a figure nobody could be asked about is left out, not drawn as zero.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recsys.metrics import Interval
from training.evaluate import Scores
from training.exam import PARTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_slices", "draw_systems"]

_TITLES: Final = {"all": "all items", "new": "items new to the shopper"}
_ROW_INCHES: Final = 0.45


def draw_systems(scores: Sequence[Scores], metric: str, folder: Path) -> Path:
    """Write `systems.png`: one bar per system and part, with 95 % intervals."""
    shown = {
        _TITLES[part]: {s.system: s.interval(metric) for s in scores if s.part == part} for part in PARTS
    }
    return _save(_bars(shown, metric), folder / "systems.png")


def draw_slices(by_slice: Mapping[str, Interval], metric: str, folder: Path) -> Path:
    """Write `slices.png`: the release's figure per slice of shoppers, with the number of shoppers."""
    named = {f"{name} ({interval.count})": interval for name, interval in by_slice.items()}
    return _save(_bars({"by slice of shoppers": named}, metric), folder / "slices.png")


def _bars(panels: Mapping[str, Mapping[str, Interval]], metric: str) -> "Figure":
    # Figure without pyplot: no global state, no display, no backend to choose.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(len(panel) for panel in panels.values())
    figure = Figure(figsize=(5.5 * len(panels), 1.2 + _ROW_INCHES * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, panel) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        drawn = {name: value for name, value in panel.items() if not math.isnan(value.mean)}
        means = [value.mean for value in drawn.values()]
        below = [value.mean - value.low for value in drawn.values()]
        above = [value.high - value.mean for value in drawn.values()]
        axes.barh(list(drawn), means, xerr=[below, above], color="#3b6ea5", ecolor="#333333", capsize=3)
        axes.invert_yaxis()
        axes.set(title=title, xlabel=metric)
    return figure


def _save(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
