"""Fitting and sealing one folder: the rows it may know, the catalogue of that time, and a manifest that says so."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from recsys.interactions import Interactions
from recsys.release import Manifest, seal
from recsys.train import fit_release
from training.card import code_version, model_card
from training.dataset import Dataset, with_catalogue
from training.exam import Exam
from training.figures import Evaluation
from training.report import Steps
from training.resources import Shop

__all__ = ["Knowledge", "fit_and_seal"]


@dataclass(frozen=True)
class Knowledge:
    """What a folder is fitted on: rows of a dataset, none at or after `until` (ms)."""

    name: str
    dataset: Dataset
    rows: Interactions
    until: int
    as_of: int | None
    """Time of the catalogue and of shoppers' attributes; None is now."""

    @classmethod
    def everything(cls, dataset: Dataset, until: int | None) -> Self:
        """All that was read: for the release."""
        end = dataset.interactions.end + 1 if until is None else until
        return cls("release", dataset, dataset.interactions, end, until)

    @classmethod
    def before(cls, exam: Exam, dataset: Dataset) -> Self:
        """What may be known to sit an exam: for the release's twin."""
        as_of = None if dataset.synthetic_time else exam.split.cut
        return cls("evaluation", dataset, exam.log, exam.split.cut, as_of)


def fit_and_seal(
    shop: Shop, knowledge: Knowledge, folder: Path, evaluation: Evaluation | None, steps: Steps
) -> Manifest:
    """Fit every model into `folder` and seal it with the figures of `evaluation`, if there is one."""
    config = shop.config
    with steps.step(f"{knowledge.name}: read the catalogue"):
        items = shop.offline.items(knowledge.as_of)
        attributes = {user.user_id: user.attributes for user in shop.offline.users(knowledge.as_of)}
        rows = with_catalogue(knowledge.rows, items)
    fit_release(
        rows,
        items,
        attributes,
        config.model,
        folder,
        seed=config.seed,
        step=lambda name: steps.step(f"{knowledge.name}: {name}"),
    )
    data = knowledge.dataset.range
    with steps.step(f"{knowledge.name}: seal"):
        return seal(
            folder,
            config=config.model_dump(mode="json"),
            metrics={} if evaluation is None else evaluation.plain(),
            slices={} if evaluation is None else evaluation.plain_slices(),
            data={
                **asdict(data),
                "until": knowledge.until,
                "synthetic_time": knowledge.dataset.synthetic_time,
                "model_card": model_card(data, len(items), len(rows.users), evaluation),
            },
            code_version=code_version(),
            created_at=round(time.time() * 1000),
            vocabulary=rows.items.digest,
        )
