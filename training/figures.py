"""An evaluation as a whole: all systems' scores, by slice, as tables for people and plain values for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from recsys.metrics import Interval
from training.evaluate import METRICS, RELEASE, Scores, plain_interval, slices
from training.exam import PARTS, Exam, Part

__all__ = ["Evaluation", "format_interval"]


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

    def by_slice(self, metric: str) -> dict[str, Interval]:
        """The release's figure per slice of shoppers, all items counted."""
        scores = self.of(RELEASE, "all")
        rows = slices(self.exam.questions["all"], self.exam.tagged())
        return {name: scores.interval(metric, chosen) for name, chosen in rows.items() if chosen.any()}

    def plain(self) -> dict[str, object]:
        """JSON form: what was asked, and figures by system and part."""
        systems = {
            system: {part: self.of(system, part).plain() for part in PARTS} for system in self.systems()
        }
        return {"exam": self.exam.plain(), "systems": systems}

    def plain_slices(self) -> dict[str, object]:
        """JSON form of the release by slice: shoppers and the headline figure."""
        metric = self.headline()
        return {
            name: {"shoppers": interval.count, metric: plain_interval(interval)}
            for name, interval in self.by_slice(metric).items()
        }

    def flat(self) -> dict[str, float]:
        """Numbers for MLflow: `[<system>.]<metric>[.new]`, the release without a prefix."""
        return {
            ("" if scores.system == RELEASE else f"{scores.system.replace(',', '')}.")
            + metric
            + ("" if scores.part == "all" else ".new"): value
            for scores in self.scores
            for metric, value in _means(scores).items()
        }

    def table(self, part: Part) -> Table:
        """Systems by metrics at the longest k; the deciding one with its interval."""
        k, asked = self.exam.longest, self.exam.questions[part]
        what = "all items" if part == "all" else "items new to the shopper"
        title = f"{what}, first {k} of a list: {len(asked)} shoppers, {asked.behaviour.value}s"
        table = Table("", title=title, title_justify="left", box=SIMPLE_HEAD)
        for name in [*METRICS, "coverage"]:
            table.add_column(name, justify="right", no_wrap=True)
        for system in self.systems():
            scores = self.of(system, part)
            cells = [
                format_interval(scores.interval(f"{name}@{k}"), wide=name in self.headline())
                for name in METRICS
            ]
            table.add_row(system, *cells, f"{scores.coverage[f'coverage@{k}']:.3f}")
        return table


def format_interval(interval: Interval, *, wide: bool = True, signed: bool = False) -> str:
    """`0.3344 [0.322, 0.346]`, or the mean alone; a dash where nobody was asked."""
    if not interval.count:
        return "–"
    sign = "+" if signed else ""
    mean = format(interval.mean, f"{sign}.4f")
    return f"{mean} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]" if wide else mean


def _means(scores: Scores) -> Mapping[str, float]:
    values = {metric: scores.interval(metric).mean for metric in scores.per_shopper} | dict(scores.coverage)
    return {metric: value for metric, value in values.items() if value == value}
