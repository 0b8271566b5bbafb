"""Fitting and sealing one folder: the rows it may know, the catalogue of that time, and a manifest that says so."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from recsys.interactions import Interactions
from recsys.release import Manifest, seal
from recsys.train import Earlier, Fitted, fit_release
from training.card import code_version, model_card
from training.dataset import Dataset, with_catalogue
from training.exam import Exam
from training.figures import Evaluation
from training.impressions import read_impressions, stage
from training.report import Steps
from training.resources import Shop

__all__ = ["Knowledge", "Twin", "fit_and_seal"]


@dataclass(frozen=True)
class Knowledge:
    """What a folder is fitted on: rows of a dataset, none at or after `until` (ms)."""

    name: str
    dataset: Dataset
    rows: Interactions
    until: int
    as_of: int | None
    """Time of the catalogue and of shoppers' attributes; None is now."""
    held_out: str | None = None
    """Which rows were left out because an exam by order asks about them (`Split.held_out`)."""

    @classmethod
    def everything(cls, dataset: Dataset, until: int | None) -> Self:
        """All that was read: for the release."""
        end = dataset.interactions.end + 1 if until is None else until
        return cls("release", dataset, dataset.interactions, end, until)

    @classmethod
    def before(cls, exam: Exam, dataset: Dataset) -> Self:
        """What may be known to sit an exam: for the release's twin."""
        as_of = None if dataset.synthetic_time else exam.split.cut
        return cls("evaluation", dataset, exam.log, exam.split.cut, as_of, exam.split.held_out)


@dataclass(frozen=True)
class Twin:
    """The same configuration fitted on what precedes the test window, and its figures."""

    folder: Path
    evaluation: Evaluation

    @property
    def earlier(self) -> Earlier | None:
        """Its sources, for the questions of the release's ranker; of no use where times are made up."""
        split = self.evaluation.exam.split
        return Earlier(self.folder, split.cut) if split.protocol == "temporal" else None


def fit_and_seal(
    shop: Shop, knowledge: Knowledge, folder: Path, twin: Twin | None, steps: Steps
) -> tuple[Manifest, Fitted]:
    """Fit every model into `folder` and seal it, with the figures of its twin and on its sources, if there is one."""
    evaluation = None if twin is None else twin.evaluation
    config = shop.config
    with steps.step(f"{knowledge.name}: read the catalogue"):
        items = shop.offline.items(knowledge.as_of)
        attributes = {user.user_id: user.attributes for user in shop.offline.users(knowledge.as_of)}
        rows = with_catalogue(knowledge.rows, items)
    with steps.step(f"{knowledge.name}: read what was seen"):
        seen = read_impressions(
            shop.offline, knowledge.until, rows.users, config.impressions, config.model.ranker
        )
    fitted = fit_release(
        rows,
        items,
        attributes,
        config.model,
        folder,
        seed=config.seed,
        step=lambda name: steps.step(f"{knowledge.name}: {name}"),
        real_times=not knowledge.dataset.synthetic_time,
        earlier=None if twin is None else twin.earlier,
        impressions=seen.examples if seen.enough(config.impressions) else (),
    )
    said = seen.sentence(config.impressions)
    fitted = replace(fitted, choices=(*fitted.choices, said))
    data = knowledge.dataset.range
    with steps.step(f"{knowledge.name}: seal"):
        manifest = seal(
            folder,
            config=config.model_dump(mode="json"),
            metrics={} if evaluation is None else evaluation.plain(),
            slices={} if evaluation is None else evaluation.plain_slices(),
            data={
                **asdict(data),
                "until": knowledge.until,
                "held_out": knowledge.held_out,
                "synthetic_time": knowledge.dataset.synthetic_time,
                "choices": list(fitted.choices),
                "stage": stage(fitted, seen, config.impressions),
                "model_card": model_card(data, len(items), len(rows.users), evaluation),
            },
            code_version=code_version(),
            created_at=round(time.time() * 1000),
            vocabulary=rows.items.digest,
        )
    return manifest, fitted
