"""An evaluation as a whole: all systems' scores, by slice, as tables for people and plain values for machines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from recsys.metrics import Interval
from training.evaluate import BEYOND, METRICS, RELEASE, Scores, plain_interval
from training.exam import Exam, Part
from training.protocol import Questions
from training.slices import SMALL, slices

__all__ = ["Evaluation", "asked_of", "format_interval"]

_TITLES: Final[Mapping[Part, str]] = {
    "all": "all items",
    "new": "items new to the shopper",
    "touched": "everything touched in the window",
}
_WEIGHTED: Final = ("price_ndcg", "margin_ndcg")
_SHORT: Final = {
    "popularity_bias": "pop. bias",
    "personalisation": "personal",
    "price_ndcg": "price",
    "margin_ndcg": "margin",
}
"""Headings of columns with long names."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of the release and of the marks beside it, on one exam."""

    exam: Exam
    scores: Sequence[Scores]

    def of(self, system: str, part: Part) -> Scores:
        """One system's scores on one part."""
        return next(s for s in self.scores if s.system == system and s.part == part)

    def systems(self) -> list[str]:
        """Names in the order they were measured."""
        return list(dict.fromkeys(scores.system for scores in self.scores))

    def headline(self) -> str:
        """The metric that decides: NDCG of the longest lists."""
        return f"ndcg@{self.exam.longest}"

    def by_slice(self, metric: str, part: Part = "all") -> dict[str, Interval]:
        """The release's figure per slice that has any shopper in it."""
        scores = self.of(RELEASE, part)
        found = {name: scores.interval(metric, rows) for name, rows in slices(self.exam, part).items()}
        return {name: interval for name, interval in found.items() if interval.count}

    def plain(self) -> dict[str, object]:
        """JSON form: what was asked, and figures by system and part."""
        systems = {
            system: {part: self.of(system, part).plain() for part in self.exam.parts}
            for system in self.systems()
        }
        return {"exam": self.exam.plain(), "systems": systems}

    def plain_slices(self, part: Part = "all") -> dict[str, object]:
        """JSON form of the release by slice: shoppers, the headline figure, whether they are too few to trust."""
        metric = self.headline()
        return {
            name: {
                "shoppers": interval.count,
                metric: plain_interval(interval),
                "small": interval.count < SMALL,
            }
            for name, interval in self.by_slice(metric, part).items()
        }

    def flat(self) -> dict[str, float]:
        """Numbers for MLflow: `[<system>.]<metric>[.new]`, the release without a prefix."""
        return {
            ("" if scores.system == RELEASE else f"{scores.system.replace(',', '')}.")
            + metric
            + ("" if scores.part == "all" else f".{scores.part}"): value
            for scores in self.scores
            for metric, value in _means(scores).items()
        }

    def table(self, part: Part) -> Table:
        """Systems by metrics at the longest k; the deciding one with its interval."""
        k = self.exam.longest
        table = self._table(part, [*METRICS, "coverage"])
        for system in self.systems():
            scores = self.of(system, part)
            cells = [
                format_interval(scores.interval(f"{name}@{k}"), wide=name in self.headline())
                for name in METRICS
            ]
            table.add_row(system, *cells, _format(scores.coverage[f"coverage@{k}"]))
        return table

    def beyond_table(self, part: Part = "all") -> Table:
        """Systems by what their lists do beyond accuracy, and by NDCG weighted with prices and margins."""
        k = self.exam.longest
        weighted = [name for name in _WEIGHTED if f"{name}@{k}" in self.of(RELEASE, part).per_query]
        table = self._table(part, [*BEYOND, *weighted], "beyond accuracy")
        for system in self.systems():
            scores = self.of(system, part)
            table.add_row(
                system,
                *(_format(scores.beyond.get(f"{name}@{k}", math.nan)) for name in BEYOND),
                *(format_interval(scores.interval(f"{name}@{k}"), wide=False) for name in weighted),
            )
        return table

    def slice_table(self, part: Part = "all") -> Table:
        """The release by slice: shoppers and the headline figure; few shoppers are marked."""
        metric = self.headline()
        table = Table(
            "", title=f"the release by slice, {_TITLES[part]}", title_justify="left", box=SIMPLE_HEAD
        )
        for name in ("shoppers", metric, ""):
            table.add_column(name, justify="right", no_wrap=True)
        for name, interval in self.by_slice(metric, part).items():
            mark = "small" if interval.count < SMALL else ""
            table.add_row(name, f"{interval.count:,}", format_interval(interval), mark)
        return table

    def _table(self, part: Part, columns: Sequence[str], what: str = "") -> Table:
        title = ", ".join(filter(None, (what, _TITLES[part], f"first {self.exam.longest} of a list")))
        asked = asked_of(self.exam.questions[part])
        table = Table("", title=f"{title}: {asked}", title_justify="left", box=SIMPLE_HEAD)
        for name in columns:
            table.add_column(_SHORT.get(name, name), justify="right", no_wrap=True)
        return table


def asked_of(questions: Questions) -> str:
    """`414 shoppers, purchases`, with the number of questions where shoppers ask more than once."""
    shoppers, kinds = questions.shoppers, ", ".join(f"{kind.value}s" for kind in questions.behaviours)
    several = f"{len(questions):,} questions of " if len(questions) > shoppers else ""
    return ", ".join(filter(None, (f"{several}{shoppers:,} shoppers", kinds)))


def format_interval(interval: Interval, *, wide: bool = True, signed: bool = False) -> str:
    """`0.3344 [0.322, 0.346]`, or the mean alone; a dash where nobody was asked."""
    if not interval.count:
        return "–"
    sign = "+" if signed else ""
    mean = format(interval.mean, f"{sign}.4f")
    return f"{mean} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]" if wide else mean


def _format(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _means(scores: Scores) -> Mapping[str, float]:
    values = {metric: scores.interval(metric).mean for metric in scores.per_query}
    values |= {**scores.coverage, **scores.beyond}
    return {metric: value for metric, value in values.items() if value == value}
