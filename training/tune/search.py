"""`recsys tune` as one sequence: cut, open the study, try, keep the best as a file, tell MLflow.

Invariants: the first trial is the configuration as given, and no file is written before it has its figure, so whatever
is kept was measured against it; stopping at any moment (Ctrl-C, `--timeout`) keeps every trial that ended.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.config import TrainingConfig
from training.errors import TrackingAwayError
from training.report import Steps
from training.resources import Shop
from training.split import day
from training.tune.judging import Judge, Report
from training.tune.outcome import changed_toml, digest, track_study
from training.tune.shelf import PartShelf
from training.tune.space import applied, groups
from training.tune.study import Done, Given, Study
from training.tune.window import Window, validation_window

__all__ = ["Options", "Tuned", "tune"]

_SAME_SOURCES: Final = ("ranker", "blend")
"""Groups that leave every candidate where it is: nothing to see in the reach."""


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    trials: int = 20
    timeout: float | None = None
    """Seconds after which no further trial begins."""
    out: Path = Path("tuned.toml")
    study: str | None = None
    """None: named by the data and the configuration, so that the same search goes on."""


@dataclass(frozen=True)
class Tuned:
    """What a search has found, all calls together."""

    study: str
    before: int
    """Trials the study had when this call began."""
    made: tuple[Done, ...]
    best: Done | None
    given: Done | None
    """The configuration as given; without its figure no file is written."""
    config: TrainingConfig
    """The best one."""
    notices: tuple[str, ...]


def tune(shop: Shop, options: Options, steps: Steps) -> Tuned:
    """Search; writes `options.out` once the configuration as given has its figure.

    TooLittleDataError when the log cannot carry two windows.
    """
    with steps.step("read the log up to the test window"):
        window = validation_window(shop)
    known = digest(shop.config)
    name = options.study or f"{day(window.exams[0].split.cut)}-{known}"
    folder = shop.settings.home / "tuning" / name
    study = Study.open(folder, {**window.about, "configuration": known}, shop.config.seed)
    before = len(study.done())
    steps.console.print(f"study [bold]{name}[/bold] has {before} trials", highlight=False)
    made, stopped = _try(shop, options, study, Judge(window, PartShelf(folder / "parts"), steps), steps)
    notices = [f"stopped; to go on: recsys tune --study {name}"] if stopped else []
    best = study.best()
    given = study.given()
    config = shop.config if best is None else applied(shop.config, best.overrides)
    if best is not None and given is not None:
        _write(options.out, config, _head(name, window, best, given))
    elif best is not None:
        notices.append(
            f"{options.out} is not written: the configuration as given has no figure to compare with yet; once no "
            f"other process measures it, the same command does, with --study {name} --trials 1"
        )
    if best is not None:
        notices += _tracked(shop, name, made, best, None if given is None else options.out)
    return Tuned(name, before, tuple(made), best, given, config, tuple(notices))


def _try(shop: Shop, options: Options, study: Study, judge: Judge, steps: Steps) -> tuple[list[Done], bool]:
    """Trials until there are enough, time is up or somebody interrupts (True)."""
    began, made = time.monotonic(), list[Done]()
    try:
        while len(made) < options.trials and not _late(began, options.timeout):
            given = study.ask(groups(shop.config))
            with steps.step(f"trial {given.trial.number}: {given.group or 'as given'}"):
                made.append(_one(shop, study, judge, given))
            steps.console.print(_line(made[-1], study.best()), highlight=False)
    except KeyboardInterrupt:
        return made, True
    return made, False


def _one(shop: Shop, study: Study, judge: Judge, given: Given) -> Done:
    config = applied(shop.config, given.overrides)

    def judged(report: Report) -> dict[str, float]:
        with shop.releases.scratch() as folder:
            figures = judge.judge(config, folder, report, reach=given.group not in _SAME_SOURCES)
        return {**figures.parts(), "value": figures.value()}

    return study.run(given, judged)


def _late(began: float, timeout: float | None) -> bool:
    return timeout is not None and time.monotonic() - began >= timeout


def _line(done: Done, best: Done | None) -> str:
    found = "given up" if done.value is None else f"{done.value:.4f}"
    known = "" if best is None or best.value is None else f", best {best.value:.4f} (trial {best.number})"
    return f"           {found}{known}"


def _head(name: str, window: Window, best: Done, given: Done) -> list[str]:
    exam = window.exams[0]
    return [
        f"recsys tune, study {name}, trial {best.number}: {best.value:.4f} against {given.value:.4f} as given",
        f"(NDCG@{exam.longest} on {day(exam.split.cut)} to {day(exam.split.end)}, weighted over its parts)",
    ]


def _write(path: Path, config: TrainingConfig, head: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(changed_toml(config, head), "utf-8")


def _tracked(shop: Shop, name: str, made: list[Done], best: Done, out: Path | None) -> list[str]:
    """Tell MLflow; when it is away the result stands all the same and a notice says so."""
    if not made:
        return []
    try:
        track_study(shop.settings.home, shop.config.tracking.experiment, name, made, best, out)
    except TrackingAwayError as error:
        return [str(error)]
    return []
