"""Pictures for MLflow: systems side by side with intervals, the release by slice, and what the ranker looks at.

Invariants: drawn off screen; a figure nobody could be asked about is left out, not drawn as zero.
"""

import csv
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from recsys.metrics import Interval
from recsys.ranking.learning import Lesson
from training.evaluate import Scores
from training.exam import PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_contributions", "draw_importance", "draw_slices", "draw_systems"]

_TITLES: Final = {"all": "all items", "new": "items new to the shopper"}
_ROW_INCHES: Final = 0.45
_BLUE: Final = "#3b6ea5"
_SHOWN: Final = 20
"""Features in a picture; the CSV has all."""
_CHINESE: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)
"""Fonts to try for names that the default one cannot write."""


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


def draw_importance(lesson: Lesson, folder: Path) -> Path:
    """Write `importance.png` and, for all features, `importance.csv`: share of the gain, mean |contribution|."""
    weight = dict(zip(lesson.importance, np.abs(lesson.shap).mean(axis=0).tolist(), strict=True))
    ranked = sorted(lesson.importance.items(), key=lambda pair: -pair[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "importance.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["feature", "gain", "mean_abs_contribution"])
        rows.writerows([name, f"{gain:.6f}", f"{weight[name]:.6f}"] for name, gain in ranked)
    figure, (axes,) = _canvas(1, min(len(ranked), _SHOWN))
    shown = ranked[:_SHOWN]
    axes.barh([name for name, _ in shown], [gain for _, gain in shown], color=_BLUE)
    axes.invert_yaxis()
    axes.set(title="what the ranker splits on", xlabel="share of the gain")
    return _save(figure, folder / "importance.png")


def draw_contributions(lesson: Lesson, folder: Path) -> Path:
    """Write `contributions.png`: what each feature adds to the score of held-out candidates (SHAP values).

    Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
    Intelligence 2, 2020. Left the mean size; right a dot per candidate, coloured by the feature's value.
    """
    names, mean = list(lesson.importance), np.abs(lesson.shap).mean(axis=0)
    order = np.argsort(-mean, kind="stable")[:_SHOWN]
    figure, (bars, dots) = _canvas(2, len(order))
    bars.barh([names[column] for column in order], mean[order], color=_BLUE)
    bars.set(title="size of the contributions", xlabel="mean |contribution|")
    for place, column in enumerate(order.tolist()):
        added, values = lesson.shap[:, column], lesson.sample[:, column]
        dots.scatter(added, place + _spread(added), c=_ranks(values), cmap="coolwarm", s=4, linewidths=0)
    dots.axvline(0, color="#999999", linewidth=0.8)
    dots.set(title="blue: low value, red: high", xlabel="contribution to the score", yticks=[])
    for axes in (bars, dots):
        axes.set_ylim(len(order) - 0.5, -0.5)
    return _save(figure, folder / "contributions.png")


def _spread(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Offsets in ±0.4 that keep dots of about the same value from hiding each other: wide where many are."""
    low, high = float(values.min()), float(values.max())
    bins = ((values - low) / max(high - low, 1e-12) * 99).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    sizes = np.bincount(bins, minlength=100)
    turn = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    offsets = np.empty(len(values))
    # Left and right of the line in turn, the more the further out.
    offsets[order] = (turn + 1) // 2 * np.where(turn % 2, 1.0, -1.0)
    return offsets * 0.8 / max(int(sizes.max()), 1)


def _ranks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Share of the values below each: colours that one large value does not wash out."""
    return np.searchsorted(np.sort(values), values) / max(len(values) - 1, 1)


def _bars(panels: Mapping[str, Mapping[str, Interval]], metric: str) -> "Figure":
    figure, columns = _canvas(len(panels), max(len(panel) for panel in panels.values()))
    for axes, (title, panel) in zip(columns, panels.items(), strict=True):
        drawn = {name: value for name, value in panel.items() if not math.isnan(value.mean)}
        means = [value.mean for value in drawn.values()]
        below = [value.mean - value.low for value in drawn.values()]
        above = [value.high - value.mean for value in drawn.values()]
        axes.barh(list(drawn), means, xerr=[below, above], color=_BLUE, ecolor="#333333", capsize=3)
        axes.invert_yaxis()
        axes.set(title=title, xlabel=metric)
        axes.tick_params(axis="y", labelfontfamily=_fonts())
    return figure


def _canvas(columns: int, rows: int) -> "tuple[Figure, Sequence[Axes]]":
    """A figure with panels side by side, high enough for so many named rows."""
    # Figure without pyplot: no global state, no display, no backend to choose.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * columns, 1.2 + _ROW_INCHES * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def _fonts() -> list[str]:
    """matplotlib's own font, then those for Chinese that this machine has."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _CHINESE if name in there)]


def _save(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # A category's name that no font here can write is drawn as boxes; the figures are in the JSON too.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(path, dpi=120)
    return path
