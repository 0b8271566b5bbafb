"""`recsys train` as one readable sequence: read, check, fit and measure, refit, keep, crown, track.

Invariants: what is measured never saw its answers, what is released saw everything before the end; a release is
on disk, whole, before anybody hears of it; only a first release goes live by itself, and only on sound data.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recsys.release import Manifest
from recsys.train import Fitted
from training.baselines import AlsDefaults, Known, baselines
from training.errors import TrackingAwayError
from training.evaluate import RELEASE, Scores, measure
from training.exam import Exam
from training.figures import Evaluation
from training.fit import Knowledge, Twin, fit_and_seal
from training.lists import Candidate
from training.promote import crown_first
from training.report import Steps
from training.resources import Shop
from training.track import Told, track

__all__ = ["Options", "Trained", "examine", "train"]


@dataclass(frozen=True)
class Options:
    """What the command line adds to the configuration."""

    until: int | None = None
    """Train on events before this time (ms) only; None: on all."""
    evaluation: bool = True


@dataclass(frozen=True)
class Trained:
    """What a run left behind."""

    manifest: Manifest
    evaluation: Evaluation | None
    live: bool
    """Whether the new release is the live one."""
    notices: tuple[str, ...]
    fitted: Fitted
    """What was chosen from the data, and what the ranker learned."""


def train(shop: Shop, options: Options, steps: Steps) -> Trained:
    """Make a release of the log.

    Raises TooLittleDataError when the log cannot carry the evaluation, InputError when it teaches nothing.
    """
    started_at = round(time.time() * 1000)
    with steps.step("read the log"):
        dataset = shop.dataset(options.until)
    with steps.step("check the data"):
        failed = shop.failed_checks()
    evaluation, manifest, fitted = _fit(shop, options, steps)
    with steps.step("go live, if it is the first"):
        live, notices = crown_first(shop, manifest.release_id, failed)
    notices = (*_about_data(failed, dataset.synthetic_time), *notices)
    return _tracked(shop, Trained(manifest, evaluation, live, notices, fitted), started_at, steps)


def _fit(shop: Shop, options: Options, steps: Steps) -> tuple[Evaluation | None, Manifest, Fitted]:
    """Phase one on what precedes the test window, measured; phase two on everything, kept with those figures."""
    with shop.releases.scratch() as before, shop.releases.scratch() as folder:
        twin = _phase_one(shop, options, before, steps) if options.evaluation else None
        knowledge = Knowledge.everything(shop.dataset(options.until), options.until)
        manifest, fitted = fit_and_seal(shop, knowledge, folder, twin, steps)
        shop.releases.keep(folder)
        if twin is not None:
            shop.releases.keep_twin(before, manifest.release_id)
    return None if twin is None else twin.evaluation, manifest, fitted


def _phase_one(shop: Shop, options: Options, folder: Path, steps: Steps) -> Twin:
    with steps.step("split"):
        exam = shop.exam(until=options.until)
    fit_and_seal(shop, Knowledge.before(exam, shop.dataset(options.until)), folder, None, steps)
    return Twin(folder, examine(folder, exam, steps))


def examine(folder: Path, exam: Exam, steps: Steps) -> Evaluation:
    """Measure a folder and, when the configuration says so, the marks beside it."""
    with steps.step("evaluation: ask the release"):
        candidate = Candidate(folder, exam)
        scores = candidate.scores(RELEASE, candidate.answer(steps))
    if exam.config.baselines:
        with steps.step("evaluation: ask the baselines"):
            scores += _marks(exam, candidate)
    return Evaluation(exam, tuple(scores))


def _marks(exam: Exam, candidate: Candidate) -> list[Scores]:
    """Each mark with seen items where the truth has them, without where it has not; ALS also without on both."""
    eligible, found = candidate.eligible(), []
    real_times = exam.split.protocol == "temporal"
    for mark in baselines(Known(exam.log, exam.history_log, real_times, exam.seed)):
        lists = {
            part: mark.lists(asked, exam.longest, exclude_seen=part == "new")
            for part, asked in exam.questions.items()
        }
        found += measure(mark.name, lists, exam, eligible)
        if isinstance(mark, AlsDefaults):
            without = {
                part: lists[part] if part == "new" else mark.lists(asked, exam.longest, exclude_seen=True)
                for part, asked in exam.questions.items()
            }
            found += measure(f"{mark.name}, seen excluded", without, exam, eligible)
    return found


def _about_data(failed: Sequence[str], synthetic_time: bool) -> Iterator[str]:
    if failed:
        yield f"data checks FAIL ({', '.join(failed)}), see: recsys data validate"
    if synthetic_time:
        yield "the log's times are made up: one event of each shopper was asked about, no time split was possible"


def _tracked(shop: Shop, trained: Trained, started_at: int, steps: Steps) -> Trained:
    """Tell MLflow; when it is away the release stands all the same and a notice says so."""
    manifest = trained.manifest
    try:
        with steps.step("write the run to MLflow"):
            told = Told(manifest, trained.evaluation, trained.fitted.lesson)
            registry = track(shop, told, started_at, steps)
            if trained.live:
                registry.crown(manifest.release_id)
            else:
                registry.challenge(manifest.release_id)
    except TrackingAwayError as error:
        return replace(trained, notices=(*trained.notices, str(error)))
    return trained
