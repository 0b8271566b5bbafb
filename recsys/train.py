"""Fits a release into a folder: what the log chooses, what the ranker learns, and the sources on everything.

Invariants: sources that answer a ranker's questions know strictly less than the answers; what is released is refitted
on everything; no shopper is in any file; one seed, input and machine give equal files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.fitting import ANEW, SILENT, Material, Shelf, Step, fit_sources
from recsys.interactions import Interactions
from recsys.ranking.learning import Example, Lesson
from recsys.teaching import Earlier, Teacher
from recsys.types import Item, Scalar

__all__ = ["Earlier", "Fitted", "Step", "fit_release"]


@dataclass(frozen=True)
class Fitted:
    """What a fit found out besides its files."""

    lesson: Lesson | None
    """None: the log cannot teach a ranker."""
    choices: tuple[str, ...]
    """What was chosen from the log's own figures, a sentence each."""


def fit_release(
    interactions: Interactions,
    items: Sequence[Item],
    attributes: Mapping[str, Mapping[str, Scalar]],
    config: ReleaseConfig,
    folder: Path,
    *,
    seed: int,
    step: Step = SILENT,
    real_times: bool = True,
    earlier: Earlier | None = None,
    impressions: Sequence[Example] = (),
    shelf: Shelf = ANEW,
) -> Fitted:
    """Write a release's payload; `recsys.release.seal` makes it a release. See `Material` for the inputs.

    `earlier` are sources fitted on what came before some moment: they save fitting others for the ranker's questions.
    `impressions` are labelled lists that were seen; `shelf` may keep parts from one fit to the next. Raises InputError
    when there is no item or no positive interaction to learn from.
    """
    _require(interactions, items)
    material = Material(interactions, items, attributes, real_times, shelf)
    teacher = Teacher(material, config, seed, step)
    config, chosen = teacher.choose()
    lesson, learned = teacher.teach(config, folder / ".before", earlier, impressions)
    fit_sources(material, config, folder, seed=seed, step=step)
    if lesson is not None:
        lesson.ranker.save(folder / "ranker")
    return Fitted(lesson, (*chosen, learned))


def _require(interactions: Interactions, items: Sequence[Item]) -> None:
    if not items:
        raise InputError("there is no item to recommend; import items first: recsys data ingest --items FILE")
    if not len(interactions):
        raise InputError(
            "there is no event to learn from; import events first: recsys data ingest --events FILE"
        )
